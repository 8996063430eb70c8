/** The drive `box-version:`, which holds the past versions of files, to be read only. */

import type { Contents, ServerConnection } from '@jupyterlab/services';
import { Drive } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { address, BoxAPI } from './api';
import { base64 } from './bytes';
import { isNotebook, NO_TIME } from './items';
import type { IItem, IVersion } from './tokens';

const PAST = 'box-version';

/** Return JupyterLab's path of a version. */
export function pastPath(item: IItem, version: IVersion): string {
  return `${PAST}:${item.id}/${version.id}/${item.name}`;
}

export class PastDrive extends Drive {
  constructor(
    serverSettings: ServerConnection.ISettings,
    private readonly _words: TranslationBundle
  ) {
    super({ name: PAST, serverSettings });
    this._api = new BoxAPI(serverSettings);
  }

  override async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const [id, version, name] = localPath.split('/');
    const type = isNotebook({ name }) ? 'notebook' : 'file';
    const wanted = { path: `id:${id}`, query: { version } };
    const bytes = options?.content === false ? null : await (await this._api.fetch('GET', 'files', wanted)).arrayBuffer();
    return {
      name,
      path: localPath,
      type,
      writable: false,
      created: NO_TIME,
      last_modified: NO_TIME,
      mimetype: '',
      ...contentOf(bytes, type === 'notebook', options?.format)
    };
  }

  override async getDownloadUrl(localPath: string): Promise<string> {
    const [id, version] = localPath.split('/');
    return address(this.serverSettings, 'files', `id:${id}`, { version });
  }

  override save(): Promise<Contents.IModel> {
    return Promise.reject(new Error(this._words.__('A past version cannot be changed. Restore it first.')));
  }

  override async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [{ id: '0', last_modified: NO_TIME }];
  }

  private readonly _api: BoxAPI;
}

function contentOf(
  bytes: ArrayBuffer | null,
  asNotebook: boolean,
  format: Contents.FileFormat | undefined
): Pick<Contents.IModel, 'content' | 'format'> {
  if (!bytes) {
    return { content: null, format: null };
  }
  if (format === 'base64') {
    return { content: base64(new Uint8Array(bytes)), format };
  }
  const text = new TextDecoder().decode(bytes);
  return asNotebook ? { content: JSON.parse(text), format: 'json' } : { content: text, format: 'text' };
}
