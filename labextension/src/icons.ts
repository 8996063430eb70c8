/** The icons that JupyterLab has not; drawn for this panel, in JupyterLab's colours. */

import { LabIcon } from '@jupyterlab/ui-components';

const draw = (name: string, path: string) =>
  new LabIcon({
    name: `jupyter-box:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3 jp-icon-selectable" fill="#616161" d="${path}"/></svg>`
  });

export const boxIcon = draw(
  'drive',
  'M5 4h14l3 6v8a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2v-8l3-6zm1.2 2-2 4H9a3 3 0 0 0 6 0h4.8l-2-4H6.2zM4 12v6h16v-6h-3.4a5 5 0 0 1-9.2 0H4z'
);
export const starIcon = draw(
  'star',
  'M12 17.3 18.2 21l-1.7-7L22 9.2l-7.2-.6L12 2 9.2 8.6 2 9.2 7.5 14l-1.7 7z'
);
export const trashIcon = draw(
  'trash',
  'M6 19a2 2 0 0 0 2 2h8a2 2 0 0 0 2-2V7H6v12zM8 9h8v10H8V9zm7.5-5-1-1h-5l-1 1H5v2h14V4h-3.5z'
);
export const pauseIcon = draw('pause', 'M6 5h4v14H6zm8 0h4v14h-4z');
export const infoIcon = draw(
  'info',
  'M11 7h2v2h-2zm0 4h2v6h-2zm1-9a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 18a8 8 0 1 1 0-16 8 8 0 0 1 0 16z'
);
