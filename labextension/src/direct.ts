/**
 * Uploads that go from the browser to Box itself, by an upload session of Box, with a token for one folder.
 *
 * It is another way for `uploads`, where an administrator has turned it on and Box takes requests from this page's
 * address; whatever else there is to know of an upload stays there.
 */

import { sha1 } from '@noble/hashes/legacy';

import type { BoxAPI } from './api';
import { BoxError } from './api';
import { drivePath } from './drive';
import type { IItem, IUploadState, IUploadWanted } from './tokens';

export const SMALLEST = 20_000_000; // bytes from which on Box takes a file in parts
const SCOPES = ['base_upload', 'item_upload'];
const EARLY = 120; // seconds before its end when a token is renewed
const BLOCK = 2 ** 20; // bytes that are hashed at once, so that the page stays responsive
const PARTS = 1000; // parts of one page of Box's list

/** It cannot be done this way; nothing has been sent. */
export class NotDirect extends Error {}

interface ISession {
  id: string;
  part_size: number;
  session_endpoints: { upload_part: string; commit: string; abort: string; list_parts: string };
}

interface IPart {
  part_id: string;
  offset: number;
  size: number;
  sha1: string;
}

interface IToken {
  access_token: string;
  expires_in: number;
  upload_url: string;
  /** When it is to be renewed, in milliseconds since 1970. */
  until: number;
}

/** Uploads by Box's own upload sessions; the same methods as the server's uploads have. */
export class DirectUploads {
  constructor(private readonly _api: BoxAPI) {}

  /** Return whether a file may go this way at all. */
  suits({ size, on_conflict }: IUploadWanted): boolean {
    return !this._isOff && size >= SMALLEST && ['version', 'fail'].includes(on_conflict);
  }

  /**
   * Begin an upload.
   *
   * @throws NotDirect where this server, or Box, does not allow it, or the folder is still to be made.
   * @throws BoxError where Box would not take the file, whichever way.
   */
  async beginUpload(wanted: IUploadWanted): Promise<IUploadState> {
    const slash = drivePath(wanted.path).lastIndexOf('/');
    const folder = wanted.path.slice(0, slash) || '/';
    const box = new BoxAccess(this._api, folder);
    const session = await this._session(box, wanted, folder, wanted.path.slice(slash + 1));
    const upload = new DirectUpload(box, session, wanted);
    this._uploads.set(session.id, upload);
    return upload.state();
  }

  uploadState(id: string): Promise<IUploadState> {
    return this._uploads.get(id)!.state();
  }

  sendPart(id: string, offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    return this._uploads.get(id)!.send(offset, part, signal);
  }

  /** Return the file; null where Box is not ready, and one has to ask again. */
  async commitUpload(id: string, signal?: AbortSignal): Promise<IItem | null> {
    const file = await this._uploads.get(id)!.commit(signal);
    if (!file) {
      return null;
    }
    this._uploads.delete(id);
    return this._api.item(`id:${file}`);
  }

  async cancelUpload(id: string): Promise<void> {
    await this._uploads.get(id)?.abort();
    this._uploads.delete(id);
  }

  private async _session(box: BoxAccess, wanted: IUploadWanted, folder: string, name: string): Promise<ISession> {
    try {
      const parent = await this._api.item(folder);
      await box.token();
      return await newSession(box, parent.id, name, wanted);
    } catch (error) {
      this._isOff ||= isLasting(error);
      throw isOurs(error) ? error : new NotDirect(error instanceof Error ? error.message : String(error));
    }
  }

  private _isOff = false;
  private _uploads = new Map<string, DirectUpload>();
}

/** Box itself, as far as the token for one folder reaches. */
class BoxAccess {
  constructor(
    private readonly _api: BoxAPI,
    private readonly _folder: string
  ) {}

  async token(): Promise<IToken> {
    if (!this._token || Date.now() > this._token.until) {
      const token = await this._api.token(this._folder, SCOPES);
      this._token = { ...token, until: Date.now() + 1000 * (token.expires_in - EARLY) };
    }
    return this._token;
  }

  /** Ask Box; once more with another token where this one is no longer good. */
  async fetch(method: string, url: string, init: RequestInit = {}): Promise<Response> {
    for (let tries = 0; ; tries++) {
      const { access_token } = await this.token();
      const headers = { ...init.headers, Authorization: `Bearer ${access_token}` };
      const response = await fetch(url, { ...init, method, headers });
      if (response.ok) {
        return response;
      }
      if (response.status !== 401 || tries) {
        throw await errorOf(response);
      }
      this._token = null;
    }
  }

  async json<T>(method: string, url: string, body?: object): Promise<T> {
    const json = body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    return (await this.fetch(method, url, json)).json();
  }

  private _token: IToken | null = null;
}

/** One file's upload session. */
class DirectUpload {
  constructor(
    private readonly _box: BoxAccess,
    private readonly _session: ISession,
    private readonly _wanted: IUploadWanted
  ) {}

  /** Return what Box has of it. */
  async state(): Promise<IUploadState> {
    await this._list();
    const { id, part_size } = this._session;
    const done = [...this._parts.values()].map(part => [part.offset, part.offset + part.size] as [number, number]);
    return { ...this._wanted, id, part_size, done, state: 'pending', exact: true };
  }

  async send(offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    const digest = await this._digest(offset, part);
    const range = `bytes ${offset}-${offset + part.size - 1}/${this._wanted.size}`;
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': range, Digest: `sha=${digest}` };
    const url = this._session.session_endpoints.upload_part;
    const answer = await this._box.fetch('PUT', url, { body: part, headers, signal });
    this._parts.set(offset, ((await answer.json()) as { part: IPart }).part);
  }

  /** Return the file's id; null where Box still puts it together. */
  async commit(signal?: AbortSignal): Promise<string | null> {
    const parts = [...this._parts.values()].sort((a, b) => a.offset - b.offset);
    const { mtime } = this._wanted;
    const attributes = mtime === null ? {} : { content_modified_at: new Date(mtime).toISOString().replace(/\.\d+/, '') };
    const headers = { 'Content-Type': 'application/json', Digest: `sha=${base64(this._whole.clone().digest())}` };
    const body = JSON.stringify({ parts, attributes });
    const answer = await this._box.fetch('POST', this._session.session_endpoints.commit, { body, headers, signal });
    if (answer.status === 202) {
      await new Promise(resolve => setTimeout(resolve, 1000 * (Number(answer.headers.get('Retry-After')) || 1)));
      return null;
    }
    return ((await answer.json()) as { entries: { id: string }[] }).entries[0].id;
  }

  async abort(): Promise<void> {
    await this._box.fetch('DELETE', this._session.session_endpoints.abort);
  }

  private async _list(): Promise<void> {
    for (let total = Infinity, offset = 0; offset < total; offset += PARTS) {
      const url = `${this._session.session_endpoints.list_parts}?offset=${offset}&limit=${PARTS}`;
      const page = await this._box.json<{ entries: IPart[]; total_count: number }>('GET', url);
      page.entries.forEach(part => this._parts.set(part.offset, part));
      total = page.total_count;
    }
  }

  /** Return a part's digest, and take it into that of the whole, for which the parts come in their order. */
  private async _digest(offset: number, part: Blob): Promise<string> {
    const known = this._digests.get(offset);
    if (known) {
      return known;
    }
    const digest = this._hashed.then(() => this._hash(part));
    this._hashed = digest; // once a part cannot be read there is no whole
    this._digests.set(offset, await digest);
    return digest;
  }

  private async _hash(part: Blob): Promise<string> {
    const own = digestOf(part);
    for (let start = 0; start < part.size; start += BLOCK) {
      this._whole.update(new Uint8Array(await part.slice(start, start + BLOCK).arrayBuffer()));
    }
    return base64(await own);
  }

  private _parts = new Map<number, IPart>();
  private _digests = new Map<number, string>();
  private _whole = sha1.create();
  private _hashed: Promise<unknown> = Promise.resolve();
}

/** Begin a session: of a new file, or of the next version of what has the name. */
async function newSession(box: BoxAccess, folder: string, name: string, wanted: IUploadWanted): Promise<ISession> {
  const url = `${(await box.token()).upload_url}/2.0/files`;
  const about = { file_size: wanted.size, file_name: name };
  try {
    return await box.json<ISession>('POST', `${url}/upload_sessions`, { ...about, folder_id: folder });
  } catch (error) {
    const taken = error instanceof BoxError && error.code === 'item_name_in_use' ? error.item : null;
    if (!taken || wanted.on_conflict !== 'version') {
      throw error;
    }
    return box.json<ISession>('POST', `${url}/${taken}/upload_sessions`, about);
  }
}

/** Tell whether no other file can go this way either: it is off, or the browser may not reach Box. */
function isLasting(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof BoxError && ['tokens_off', 'denied'].includes(error.code));
}

/** Tell whether Box has refused the file itself, so that another way makes no difference. */
function isOurs(error: unknown): boolean {
  const codes = ['item_name_in_use', 'storage_limit_exceeded', 'file_size_limit_exceeded'];
  return error instanceof BoxError && codes.includes(error.code);
}

async function errorOf(response: Response): Promise<BoxError> {
  const after = Number(response.headers.get('Retry-After'));
  const told = await response.json().catch(() => ({}));
  const message = told.message || `Box answers ${response.status}.`;
  const conflicts = told.context_info?.conflicts;
  const item = (Array.isArray(conflicts) ? conflicts[0] : conflicts)?.id ?? null;
  return new BoxError(message, response.status, told.code ?? '', '', after || null, item);
}

async function digestOf(part: Blob): Promise<Uint8Array> {
  const bytes = new Uint8Array(await part.arrayBuffer());
  // a page that came neither by https nor from this computer has no `subtle`
  return crypto.subtle ? new Uint8Array(await crypto.subtle.digest('SHA-1', bytes)) : sha1(bytes);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
