/**
 * Uploads that go from the browser to Box itself, by an upload session of Box, with a token for one folder.
 *
 * It is another way for `uploads`, where an administrator has turned it on and Box takes requests from this page's
 * address; whatever else there is to know of an upload stays there.
 */

import { sha1 } from '@noble/hashes/legacy';

import type { BoxAPI } from './api';
import { BoxError, errorOf } from './api';
import type { IKept } from './kept';
import { KeptUploads } from './kept';
import type { IItem, IUploadState, IUploadWanted } from './tokens';
import { LOST, OTHER_FILE } from './tokens';
import { folderOf, nameOf, wording } from './words';

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
  constructor(private readonly _api: BoxAPI) {
    this._kept = new KeptUploads(_api.settings.baseUrl);
  }

  /** Return whether a file may go this way at all. */
  suits({ size, on_conflict }: IUploadWanted): boolean {
    return !this._isOff && size >= SMALLEST && ['version', 'fail'].includes(on_conflict);
  }

  /** Return what earlier pages have left unfinished, as Box has it; as if nothing was sent where Box does not tell. */
  async unfinished(): Promise<IUploadState[]> {
    const states = await Promise.all(this._kept.list().map(kept => this._left(kept)));
    return states.filter(state => state !== null);
  }

  /**
   * Begin an upload, in place of any other to the same path.
   *
   * @throws NotDirect where this server, or Box, does not allow it, or the folder is still to be made.
   * @throws BoxError where Box would not take the file, whichever way.
   */
  async beginUpload(wanted: IUploadWanted, file: File): Promise<IUploadState> {
    const before = this._kept.list().find(each => each.path === wanted.path);
    await (before && this.cancelUpload(before.id));
    const box = new BoxAccess(this._api, folderOf(wanted.path));
    const session = await this._session(box, wanted);
    const { path, size, mtime, on_conflict } = wanted;
    this._kept.keep({ path, size, mtime, on_conflict, id: session.id });
    return this._note(box, session, wanted).state(file);
  }

  /**
   * Return what Box has of an upload.
   *
   * @throws BoxError with the code `upload_not_found` where Box has nothing of it any more, `other_file` where
   *   what it has is not of this file; then it is over.
   */
  async uploadState(id: string, file: File | null): Promise<IUploadState> {
    try {
      return await (await this._opened(id)).state(file);
    } catch (error) {
      if (error instanceof BoxError && error.code === OTHER_FILE) {
        await this.cancelUpload(id);
      }
      throw this._lost(id, error);
    }
  }

  async sendPart(id: string, offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    try {
      await (await this._opened(id)).send(offset, part, signal);
    } catch (error) {
      throw this._lost(id, error);
    }
  }

  /** Return the file; null where Box is not ready, and one has to ask again. */
  async commitUpload(id: string, signal?: AbortSignal): Promise<IItem | null> {
    const upload = await this._opened(id);
    const item = await this._committed(upload, signal);
    if (item) {
      this._forget(id);
    }
    return item;
  }

  /** Give an upload up; what Box cannot be told of now, it ends by itself after a week. */
  async cancelUpload(id: string): Promise<void> {
    const upload = await this._opened(id).catch(() => null);
    this._forget(id);
    await upload?.abort().catch(() => undefined);
  }

  private async _session(box: BoxAccess, wanted: IUploadWanted): Promise<ISession> {
    try {
      const parent = await this._api.item(folderOf(wanted.path));
      await box.token();
      return await newSession(box, parent.id, wanted);
    } catch (error) {
      this._isOff ||= isLasting(error);
      throw isOurs(error) ? error : new NotDirect(wording(error));
    }
  }

  /** Return where one stands that an earlier page has begun; null where that page has only not seen its end. */
  private async _left(kept: IKept): Promise<IUploadState | null> {
    try {
      return await (await this._opened(kept.id)).state(null);
    } catch (error) {
      if (isGone(error) && (await this._arrived(kept))) {
        this._forget(kept.id);
        return null;
      }
      return { ...kept, part_size: 0, done: [], state: 'pending', exact: true };
    }
  }

  /** Return an upload of this page, or of an earlier one. */
  private async _opened(id: string): Promise<DirectUpload> {
    const known = this._uploads.get(id);
    if (known) {
      return known;
    }
    const kept = this._kept.list().find(each => each.id === id);
    if (!kept) {
      throw new BoxError('There is no such upload.', 404, LOST);
    }
    const box = new BoxAccess(this._api, folderOf(kept.path));
    const url = `${(await box.token()).upload_url}/2.0/files/upload_sessions/${encodeURIComponent(id)}`;
    return this._note(box, await box.json<ISession>('GET', url), kept);
  }

  private async _committed(upload: DirectUpload, signal?: AbortSignal): Promise<IItem | null> {
    try {
      const file = await upload.commit(signal);
      return file === null ? null : await this._api.item(`id:${file}`);
    } catch (error) {
      const item = isGone(error) && (await this._arrived(upload.wanted)); // the answer to an earlier commit was lost
      if (item) {
        return item;
      }
      throw error;
    }
  }

  /** Return the file if it is at its place as it is to be; else null. */
  private async _arrived({ path, size, mtime }: IUploadWanted): Promise<IItem | null> {
    const item = await this._api.item(path).catch(() => null);
    const time = mtime !== null && seconds(mtime);
    return item?.size === size && item.content_modified && seconds(Date.parse(item.content_modified)) === time ? item : null;
  }

  /** Return what an error means for an upload: where Box has nothing of it any more, it is forgotten. */
  private _lost(id: string, error: unknown): unknown {
    if (!isGone(error)) {
      return error;
    }
    this._forget(id);
    return new BoxError(error.message, error.status, LOST);
  }

  private _note(box: BoxAccess, session: ISession, wanted: IUploadWanted): DirectUpload {
    const upload = new DirectUpload(box, session, wanted);
    this._uploads.set(session.id, upload);
    return upload;
  }

  private _forget(id: string): void {
    this._uploads.get(id)?.dispose();
    this._uploads.delete(id);
    this._kept
      .list()
      .filter(kept => kept.id === id)
      .forEach(kept => this._kept.forget(kept.path));
  }

  private readonly _kept: KeptUploads;
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
    readonly wanted: IUploadWanted
  ) {}

  /**
   * Return what Box has of it.
   *
   * @param file - The file, which then is hashed while its parts are sent; null while nobody has chosen it again.
   * @throws BoxError with the code `other_file` where what Box has is not of this file.
   */
  async state(file: File | null): Promise<IUploadState> {
    await this._list();
    if (file) {
      await this._check(file);
      this._hash(file);
    }
    const { id, part_size } = this._session;
    const done = [...this._parts.values()].map(part => [part.offset, part.offset + part.size] as [number, number]);
    return { ...this.wanted, id, part_size, done, state: 'pending', exact: true };
  }

  async send(offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    const range = `bytes ${offset}-${offset + part.size - 1}/${this.wanted.size}`;
    const digest = `sha=${base64(await digestOf(part))}`;
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': range, Digest: digest };
    const url = this._session.session_endpoints.upload_part;
    const answer = await this._box.fetch('PUT', url, { body: part, headers, signal });
    this._parts.set(offset, ((await answer.json()) as { part: IPart }).part);
    this._checked.add(offset);
  }

  /** Return the file's id; null where Box still puts it together. */
  async commit(signal?: AbortSignal): Promise<string | null> {
    const parts = [...this._parts.values()].sort((a, b) => a.offset - b.offset);
    const { mtime } = this.wanted;
    const attributes = mtime === null ? {} : { content_modified_at: new Date(mtime).toISOString().replace(/\.\d+/, '') };
    const headers = { 'Content-Type': 'application/json', Digest: `sha=${base64(await this._digest!)}` };
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

  /** End the hashing of the file. */
  dispose(): void {
    this._over.abort();
  }

  private async _list(): Promise<void> {
    for (let total = Infinity, offset = 0; offset < total; offset += PARTS) {
      const url = `${this._session.session_endpoints.list_parts}?offset=${offset}&limit=${PARTS}`;
      const page = await this._box.json<{ entries: IPart[]; total_count: number }>('GET', url);
      page.entries.forEach(part => this._parts.set(part.offset, part));
      total = page.total_count;
    }
  }

  /** Compare what an earlier page has sent with the file. */
  private async _check(file: File): Promise<void> {
    for (const { offset, size, sha1: digest } of this._parts.values()) {
      if (!this._checked.has(offset) && hex(await digestOf(file.slice(offset, offset + size))) !== digest) {
        throw new BoxError('The parts in Box are of another file.', 0, OTHER_FILE);
      }
      this._checked.add(offset);
    }
  }

  /** Begin the digest of the whole, unless this very file is hashed already. */
  private _hash(file: File): void {
    if (this._file !== file) {
      this._file = file;
      this._digest = digestOfWhole(file, this._over.signal);
      this._digest.catch(() => undefined); // what failed is told at the commit
    }
  }

  private _parts = new Map<number, IPart>();
  /** Where the parts begin that are known to be the file's. */
  private _checked = new Set<number>();
  private _file: File | null = null;
  private _digest: Promise<Uint8Array> | null = null;
  private _over = new AbortController();
}

/** Begin a session: of a new file, or of the next version of what has the name. */
async function newSession(box: BoxAccess, folder: string, wanted: IUploadWanted): Promise<ISession> {
  const url = `${(await box.token()).upload_url}/2.0/files`;
  const about = { file_size: wanted.size, file_name: nameOf(wanted.path) };
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

/** Tell whether there is no going on with an upload session: it is over, unknown, or no longer ours to reach. */
function isGone(error: unknown): error is BoxError {
  const codes = ['invalid_upload_session_id', 'tokens_off'];
  return error instanceof BoxError && ([404, 410].includes(error.status) || codes.includes(error.code));
}

/** Tell whether Box has refused the file itself, so that another way makes no difference. */
function isOurs(error: unknown): boolean {
  const codes = ['item_name_in_use', 'storage_limit_exceeded', 'file_size_limit_exceeded'];
  return error instanceof BoxError && codes.includes(error.code);
}

async function digestOf(part: Blob): Promise<Uint8Array> {
  const bytes = new Uint8Array(await part.arrayBuffer());
  // a page that came neither by https nor from this computer has no `subtle`
  return crypto.subtle ? new Uint8Array(await crypto.subtle.digest('SHA-1', bytes)) : sha1(bytes);
}

/** Return the digest of a file that may be larger than the memory, which `subtle` cannot give. */
async function digestOfWhole(file: File, signal: AbortSignal): Promise<Uint8Array> {
  const hash = sha1.create();
  for (let start = 0; start < file.size; start += BLOCK) {
    signal.throwIfAborted();
    hash.update(new Uint8Array(await file.slice(start, start + BLOCK).arrayBuffer()));
  }
  return hash.digest();
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
