/** Lines of code that read a file of Box, for the active cell. */

import { boxUrl, drivePath } from './drive';

export const SNIPPETS = ['pandas', 'polars', 'download', 'path'] as const;
export type Snippet = (typeof SNIPPETS)[number];

const PANDAS: Record<string, string> = {
  csv: 'read_csv',
  tsv: 'read_csv',
  json: 'read_json',
  parquet: 'read_parquet',
  feather: 'read_feather',
  xlsx: 'read_excel',
  xls: 'read_excel',
  pkl: 'read_pickle'
};
const POLARS: Record<string, string> = {
  csv: 'read_csv',
  tsv: 'read_csv',
  json: 'read_json',
  ndjson: 'read_ndjson',
  parquet: 'read_parquet',
  feather: 'read_ipc',
  xlsx: 'read_excel'
};

/** Return whether there is such a line for a file. */
export function fits(snippet: Snippet, path: string): boolean {
  const table = { pandas: PANDAS, polars: POLARS }[snippet as string];
  return !table || extension(path) in table;
}

/** Return the code; `path` is JupyterLab's, as in `box:folder/data.csv`. */
export function codeFor(snippet: Snippet, path: string): string {
  const quoted = JSON.stringify(drivePath(path));
  const url = JSON.stringify(boxUrl(path));
  const tabs = extension(path) === 'tsv';
  const lines: Record<Snippet, string> = {
    pandas: `import pandas as pd\n\ndf = pd.${PANDAS[extension(path)]}(${url}${tabs ? ', sep="\\t"' : ''})\ndf.head()`,
    polars: `import polars as pl\n\ndf = pl.${POLARS[extension(path)]}(${url}${tabs ? ', separator="\\t"' : ''})\ndf.head()`,
    download: `%load_ext jupyter_box\n%box_download ${quoted}`,
    path: quoted
  };
  return lines[snippet];
}

function extension(path: string): string {
  return /\.([^./]+)$/.exec(path)?.[1].toLowerCase() ?? '';
}
