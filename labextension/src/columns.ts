/** Which columns fit the listing's width: a name that cannot be read costs more than a size or a time that is not shown. */

const NAME = 150; // px, some twenty letters
const MODIFIED = 84;
const SIZE = 72;

/** Columns beside the name, by the stock listing's names. */
export interface IColumns {
  last_modified: boolean;
  file_size: boolean;
}

/**
 * Return the wanted columns that fit.
 *
 * @param wanted - The columns that the settings ask for.
 * @param width - The listing's width, in px.
 * @returns Those that leave the name its room; the time comes first, as in JupyterLab's own file browser.
 */
export function fitting(wanted: IColumns, width: number): IColumns {
  const last_modified = wanted.last_modified && width >= NAME + MODIFIED;
  const left = width - NAME - (last_modified ? MODIFIED : 0);
  return { last_modified, file_size: wanted.file_size && left >= SIZE };
}
