/** One upload session of Box, from the browser: its token, its parts, the digests that Box asks for, its end. */

import type { BoxAPI } from './api';
import { BoxError, errorOf } from './api';
import { base64, digestOf, digestOfWhole, hex } from './bytes';
import type { IUploadState, IUploadWanted } from './tokens';
import { OTHER_FILE } from './tokens';
import { nameOf } from './words';

const SCOPES = ['base_upload', 'item_upload'];
const EARLY = 120; // seconds before its end when a token is renewed
const PARTS = 1000; // parts of one page of Box's list

/** An upload session, as Box describes it. */
export interface ISession {
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

/** Box itself, as far as the token for one folder reaches. */
export class BoxAccess {
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
export class DirectUpload {
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
    if (file) {
      this._hash(file);
    }
    await this._list();
    if (file) {
      await this._check(file);
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

/** Return a session that an earlier page has begun. */
export async function sessionOf(box: BoxAccess, id: string): Promise<ISession> {
  return box.json('GET', `${await sessions(box)}/upload_sessions/${encodeURIComponent(id)}`);
}

/** Begin a session: of a new file, or of the next version of what has the name. */
export async function newSession(box: BoxAccess, folder: string, wanted: IUploadWanted): Promise<ISession> {
  const url = await sessions(box);
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

async function sessions(box: BoxAccess): Promise<string> {
  return `${(await box.token()).upload_url}/2.0/files`;
}
