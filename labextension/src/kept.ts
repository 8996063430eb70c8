/** The unfinished uploads to Box itself, as the browser keeps them for a later page: neither tokens nor contents. */

import type { IUploadWanted } from './tokens';

/** What was wanted, and the id of its upload session in Box. */
export interface IKept extends IUploadWanted {
  id: string;
}

export class KeptUploads {
  /**
   * @param server - The address of the Jupyter server; others at the same host, as a Hub's users have, see nothing of it.
   */
  constructor(server: string) {
    this._prefix = `jupyter-box:upload:${server}:`;
  }

  list(): IKept[] {
    const storage = usable();
    const names = Object.keys(storage ?? {}).filter(name => name.startsWith(this._prefix));
    return names.map(name => JSON.parse(storage!.getItem(name)!));
  }

  /** Keep one, in place of any other to its path. */
  keep(upload: IKept): void {
    try {
      usable()?.setItem(this._prefix + upload.path, JSON.stringify(upload));
    } catch {
      // no room: it ends with the page
    }
  }

  forget(path: string): void {
    usable()?.removeItem(this._prefix + path);
  }

  private readonly _prefix: string;
}

/** Return what outlasts a page; null where the reader's browser keeps nothing. */
function usable(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
