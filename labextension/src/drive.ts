/** The drive `box:` of JupyterLab: the stock drive on our addresses; what Box has and Jupyter lacks is in `api`. */

import type { Contents, ServerConnection } from '@jupyterlab/services';
import { Drive } from '@jupyterlab/services';

import { address, BoxAPI, PREFIX } from './api';
import { DRIVE } from './tokens';
import type { IOrder } from './tokens';

export class BoxDrive extends Drive {
  constructor(serverSettings: ServerConnection.ISettings) {
    super({ name: DRIVE, apiEndpoint: `${PREFIX}/contents`, serverSettings });
    this.api = new BoxAPI(serverSettings);
  }

  readonly api: BoxAPI;

  /** What Box sorts folders by. */
  order: IOrder = { sort: 'name', direction: 'asc' };

  override async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    return this._seen(await super.get(localPath, { ...options, ...this.order }));
  }

  /** Save on condition that nobody has changed the file since JupyterLab last looked. */
  override async save(localPath: string, options: Partial<Contents.IModel> = {}): Promise<Contents.IModel> {
    const hash = options.chunk === undefined ? this._hashes.get(localPath) : undefined;
    return this._seen(await super.save(localPath, { ...options, ...(hash && { hash }) }));
  }

  /** Return the address that the browser downloads from: a file, or a folder as a zip. */
  override async getDownloadUrl(localPath: string, version?: string): Promise<string> {
    const query = { download: version ? undefined : 1, version, _xsrf: xsrf() };
    return address(this.serverSettings, 'files', localPath, query);
  }

  /** Return the address of a folder's zip. */
  archiveUrl(localPath: string): string {
    return address(this.serverSettings, 'archive', localPath, { _xsrf: xsrf() });
  }

  // below a prefix of its own, because a folder may be named `checkpoints`
  override createCheckpoint(localPath: string): Promise<Contents.ICheckpointModel> {
    return this.api.requestAPI('POST', 'checkpoints', { path: localPath });
  }

  override listCheckpoints(localPath: string): Promise<Contents.ICheckpointModel[]> {
    return this.api.requestAPI('GET', 'checkpoints', { path: localPath });
  }

  override restoreCheckpoint(localPath: string, id: string): Promise<void> {
    return this.api.requestAPI('POST', 'checkpoints', { path: localPath, query: { id } });
  }

  override deleteCheckpoint(localPath: string, id: string): Promise<void> {
    return this.api.requestAPI('DELETE', 'checkpoints', { path: localPath, query: { id } });
  }

  private _seen(model: Contents.IModel): Contents.IModel {
    if (model.hash) {
      this._hashes.set(model.path, model.hash);
    }
    return model;
  }

  private _hashes = new Map<string, string>();
}

/** Return the drive's path of an item's path: `/a/b` is `a/b`. */
export function localPath(path: string): string {
  return path.replace(/^\/+/, '');
}

/** Return the path in JupyterLab of an item's path in the drive: `/a/b` is `box:a/b`. */
export function labPath(path: string): string {
  return `${DRIVE}:${localPath(path)}`;
}

/** Return the path in the drive of a path in JupyterLab: `box:a/b` is `/a/b`. */
export function drivePath(path: string): string {
  return `/${path.startsWith(`${DRIVE}:`) ? localPath(path.slice(DRIVE.length + 1)) : localPath(path)}`;
}

/** Return the `box://` URL for Python of a path in JupyterLab. */
export function boxUrl(path: string): string {
  return `box://${localPath(drivePath(path))}`;
}

function xsrf(): string {
  return /(?:^|;\s*)_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? '';
}
