/** The drive `box:` of JupyterLab: the stock drive on our addresses; what Box has and Jupyter lacks is in `api`. */

import type { Contents } from '@jupyterlab/services';
import { Drive, ServerConnection } from '@jupyterlab/services';

import { address, BoxAPI, PREFIX } from './api';
import { DRIVE } from './tokens';
import type { IBoxModel, IOrder } from './tokens';

export class BoxDrive extends Drive {
  constructor(serverSettings: ServerConnection.ISettings) {
    super({ name: DRIVE, apiEndpoint: `${PREFIX}/contents`, serverSettings });
    this.api = new BoxAPI(serverSettings);
  }

  readonly api: BoxAPI;

  /** What Box sorts folders by. */
  order: IOrder = { sort: 'name', direction: 'asc' };

  /** Whether files are downloaded from Box itself. */
  isDirect = false;

  override async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    // the same folder again is a look for news, which must not keep an idle server alive
    const quiet = localPath === this._listed && { no_track_activity: 1 };
    const model = await super.get(localPath, { ...options, ...this.order, ...quiet });
    if (model.type === 'directory' && model.content) {
      this._listed = localPath;
    }
    return this._seen(model);
  }

  /** Save on condition that nobody has changed, moved or removed the file since JupyterLab last looked. */
  override async save(localPath: string, options: Partial<Contents.IModel> = {}): Promise<Contents.IModel> {
    const known = options.chunk === undefined ? this._known.get(localPath) : undefined;
    try {
      return this._seen(await super.save(localPath, { ...options, ...known }));
    } catch (error) {
      if (error instanceof ServerConnection.ResponseError && error.response.status === 412) {
        this._known.delete(localPath); // who saves again has been told
      }
      throw error;
    }
  }

  override rename(oldLocalPath: string, newLocalPath: string): Promise<Contents.IModel> {
    this._forget(oldLocalPath);
    return super.rename(oldLocalPath, newLocalPath);
  }

  override delete(localPath: string): Promise<void> {
    this._forget(localPath);
    return super.delete(localPath);
  }

  /** Return the address that the browser downloads from: a file, or a folder as a zip. */
  override async getDownloadUrl(localPath: string, version?: string): Promise<string> {
    const redirect = this.isDirect ? 1 : undefined;
    const query = { download: version ? undefined : 1, version, redirect, _xsrf: xsrf() };
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
    const { hash, path, box } = model as IBoxModel;
    if (hash) {
      this._known.set(path, { hash, id: box?.id });
    }
    return model;
  }

  private _forget(path: string): void {
    [...this._known.keys()]
      .filter(known => known === path || known.startsWith(`${path}/`))
      .forEach(known => this._known.delete(known));
  }

  private _listed: string | null = null;
  private _known = new Map<string, { hash: string; id?: string }>();
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
