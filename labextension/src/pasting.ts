/** Files that are pasted into the panel: a page gets them only with the browser's own event, which JupyterLab's Ctrl+V prevents. */

import type { OnConflict } from './tokens';
import type { BoxBrowser } from './panel';

/** Upload pasted files; without any, paste what was cut or copied in the panel. */
export function listenForPaste(
  browser: BoxBrowser,
  send: (files: DataTransfer, onConflict?: OnConflict) => Promise<void>
): void {
  const rows = browser.rows.contentNode;
  const onRows = (event: Event) => rows.contains(event.target as Node) && !(event.target instanceof HTMLInputElement);
  // before JupyterLab's own listener, which is the document's
  window.addEventListener('keydown', event => isPaste(event) && onRows(event) && event.stopImmediatePropagation(), true);
  browser.node.addEventListener('paste', event => {
    const { clipboardData } = event;
    if (clipboardData?.files.length) {
      event.preventDefault();
      void send(clipboardData, isNameless(clipboardData.files[0]) ? 'rename' : undefined);
    } else if (onRows(event)) {
      void browser.paste();
    }
  });
}

function isPaste({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  return key.toLowerCase() === 'v' && (ctrlKey || metaKey) && !altKey && !shiftKey;
}

/** Tell whether it is a picture without a file, which every browser calls the same; the second would become a version of the first. */
function isNameless(file: File): boolean {
  return file.name === 'image.png';
}
