/** What asks the server: one `requestAPI`, and a function for each route; nothing here knows a widget. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type {
  ICollaboration,
  IItem,
  IOrder,
  IPage,
  IProgress,
  ISharedLink,
  IStatus,
  IUploadState,
  IUploadWanted,
  IVersion,
  OnConflict
} from './tokens';

export const PREFIX = 'jupyter-box';

type Query = Record<string, string | number | boolean | null | undefined>;
type Body = ReadonlyPartialJSONObject | Blob;

/** An answer of the server, or of Box, that is no success: what happened, and the way out. */
export class BoxError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code = '',
    readonly hint = '',
    readonly retryAfter: number | null = null,
    /** The id of the item concerned, as of what has the name already. */
    readonly item: string | null = null
  ) {
    super(hint ? `${message} ${hint}` : message);
    this.name = 'BoxError';
  }
}

/** Return the address below the prefix; `path` may hold any character that Box allows. */
export function address(
  settings: ServerConnection.ISettings,
  route: string,
  path = '',
  query: Query = {}
): string {
  const url = URLExt.join(settings.baseUrl, PREFIX, route, URLExt.encodeParts(path));
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `${url}?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}` : url;
}

/** Return settings under which a server that does not answer is told as that, not in the browser's words. */
export function telling(settings: ServerConnection.ISettings, away: string): ServerConnection.ISettings {
  const { fetch } = settings;
  const asked: typeof fetch = (...request) =>
    fetch(...request).catch(error => {
      throw error instanceof TypeError ? new TypeError(away) : error;
    });
  return { ...settings, fetch: asked };
}

/** One event of the server's stream: its name, and its JSON. */
export interface IServerEvent {
  event: string;
  data: unknown;
}

/** Asks the server's REST face of jupyter-box. */
export class BoxAPI {
  constructor(readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /**
   * Ask one route.
   *
   * @param method - The HTTP verb.
   * @param route - The route below the prefix.
   * @param options - The drive's path, the query, a JSON or binary body, and a signal that gives the request up.
   * @returns The JSON answer; undefined where there is none.
   * @throws BoxError with the server's own words.
   */
  async requestAPI<T>(
    method: string,
    route: string,
    options: { path?: string; query?: Query; body?: Body; signal?: AbortSignal } = {}
  ): Promise<T> {
    const response = await this.fetch(method, route, options);
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** Return the successful response itself, for what is no JSON. */
  async fetch(
    method: string,
    route: string,
    options: { path?: string; query?: Query; body?: Body; signal?: AbortSignal } = {}
  ): Promise<Response> {
    const url = address(this.settings, route, options.path, options.query);
    const init: RequestInit = { method, signal: options.signal, ...bodyOf(options.body) };
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    if (!response.ok) {
      throw await errorOf(response);
    }
    return response;
  }

  status(): Promise<IStatus> {
    return this.requestAPI('GET', 'status');
  }

  page(path: string, order: IOrder, marker: string, limit: number): Promise<IPage> {
    return this.requestAPI('GET', 'items', { path, query: { ...order, marker, limit } });
  }

  /** Return the item at a path or `id:…`, with all its details. */
  item(path: string): Promise<IItem> {
    return this.requestAPI('GET', 'details', { path });
  }

  search(query: {
    q: string;
    type?: string;
    extensions?: string;
    ancestor?: string;
    limit?: number;
    marker?: string;
  }): Promise<IPage> {
    return this.requestAPI('GET', 'search', { query });
  }

  async versions(path: string): Promise<IVersion[]> {
    return (await this.requestAPI<{ versions: IVersion[] }>('GET', 'versions', { path })).versions;
  }

  promote(path: string, version: string): Promise<IVersion> {
    return this.requestAPI('POST', 'versions', { path, body: { version } });
  }

  deleteVersion(path: string, version: string): Promise<void> {
    return this.requestAPI('DELETE', 'versions', { path, query: { version } });
  }

  async sharedLink(path: string): Promise<ISharedLink | null> {
    return (await this.requestAPI<{ shared_link: ISharedLink | null }>('GET', 'shared-links', { path })).shared_link;
  }

  async share(path: string, wanted: ReadonlyPartialJSONObject): Promise<ISharedLink> {
    const answer = await this.requestAPI<{ shared_link: ISharedLink }>('PUT', 'shared-links', { path, body: wanted });
    return answer.shared_link;
  }

  unshare(path: string): Promise<void> {
    return this.requestAPI('DELETE', 'shared-links', { path });
  }

  async collaborations(path: string): Promise<ICollaboration[]> {
    const answer = await this.requestAPI<{ collaborations: ICollaboration[] }>('GET', 'collaborations', { path });
    return answer.collaborations;
  }

  invite(path: string, who: string, role: string, group: boolean): Promise<ICollaboration> {
    return this.requestAPI('POST', 'collaborations', { path, body: { who, role, group } });
  }

  setRole(path: string, who: string, role: string): Promise<ICollaboration> {
    return this.requestAPI('PUT', 'collaborations', { path, body: { who, role } });
  }

  uninvite(path: string, who: string): Promise<void> {
    return this.requestAPI('DELETE', 'collaborations', { path, query: { who } });
  }

  trash(query: { limit?: number; marker?: string }): Promise<IPage> {
    return this.requestAPI('GET', 'trash', { query });
  }

  restore(id: string, wanted: { name?: string; folder?: string } = {}): Promise<IItem> {
    return this.requestAPI('POST', 'trash', { body: { id, ...wanted } });
  }

  purge(id: string): Promise<void> {
    return this.requestAPI('DELETE', 'trash', { query: { id } });
  }

  lock(path: string): Promise<IItem> {
    return this.requestAPI('PUT', 'locks', { path, body: {} });
  }

  unlock(path: string): Promise<void> {
    return this.requestAPI('DELETE', 'locks', { path });
  }

  addFavourite(path: string): Promise<IItem> {
    return this.requestAPI('PUT', 'favourites', { path });
  }

  removeFavourite(path: string): Promise<void> {
    return this.requestAPI('DELETE', 'favourites', { path });
  }

  async favourites(): Promise<IItem[]> {
    return (await this.requestAPI<{ items: IItem[] }>('GET', 'favourites')).items;
  }

  async uploads(): Promise<IUploadState[]> {
    return (await this.requestAPI<{ uploads: IUploadState[] }>('GET', 'uploads')).uploads;
  }

  beginUpload(wanted: IUploadWanted): Promise<IUploadState> {
    return this.requestAPI('POST', 'uploads', { body: { ...wanted } });
  }

  uploadState(id: string): Promise<IUploadState> {
    return this.requestAPI('GET', `uploads/${id}`);
  }

  async sendPart(id: string, offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    await this.requestAPI('PUT', `uploads/${id}`, { query: { offset }, body: part, signal });
  }

  /** Return the file once Box has it; null when that takes longer, and one has to ask again. */
  async commitUpload(id: string, signal?: AbortSignal): Promise<IItem | null> {
    const response = await this.fetch('POST', `uploads/${id}`, { signal });
    return response.status === 202 ? null : ((await response.json()) as IItem);
  }

  cancelUpload(id: string): Promise<void> {
    return this.requestAPI('DELETE', `uploads/${id}`);
  }

  /** Return a token of Box that is good for one item and a few scopes, and where to send to with it. */
  token(path: string, scopes: string[]): Promise<{ access_token: string; expires_in: number; upload_url: string }> {
    return this.requestAPI('POST', 'tokens', { body: { path, scopes } });
  }

  startTransfer(wanted: {
    kind: 'upload' | 'download';
    source: string;
    target: string;
    on_conflict?: OnConflict;
    overwrite?: boolean;
  }): Promise<IProgress> {
    return this.requestAPI('POST', 'transfers', { body: wanted });
  }

  cancelTransfer(id: string): Promise<void> {
    return this.requestAPI('DELETE', `transfers/${id}`);
  }

  /** Do a transfer of the server or of a kernel again, on the server. */
  retryTransfer(id: string): Promise<IProgress> {
    return this.requestAPI('POST', `transfers/${id}`);
  }

  /** Give what the server tells; ends when the server closes the stream. */
  async *events(signal: AbortSignal, opened: () => void): AsyncGenerator<IServerEvent> {
    // not EventSource: it cannot carry the XSRF header that JupyterHub asks for
    const response = await this.fetch('GET', 'events', { signal });
    opened();
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let pending = '';
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const { events, rest } = splitEvents(pending + chunk.value);
      pending = rest;
      yield* events;
    }
  }
}

/** Return the whole events of a piece of a stream of server-sent events, and what is left of it. */
export function splitEvents(text: string): { events: IServerEvent[]; rest: string } {
  const blocks = text.replace(/\r\n?/g, '\n').split('\n\n');
  const rest = blocks.pop() ?? '';
  return { events: blocks.map(eventOf).filter(event => event !== null), rest };
}

function eventOf(block: string): IServerEvent | null {
  const lines = block.split('\n');
  const values = (name: string) =>
    lines.filter(line => line.startsWith(`${name}:`)).map(line => line.slice(name.length + 1).trimStart());
  const data = values('data').join('\n');
  return data ? { event: values('event').pop() ?? 'message', data: JSON.parse(data) } : null;
}

function bodyOf(body: Body | undefined): RequestInit {
  if (body === undefined) {
    return {};
  }
  return body instanceof Blob
    ? { body, headers: { 'Content-Type': 'application/octet-stream' } }
    : { body: JSON.stringify(body) };
}

/** Return the error that an answer of the server, or of Box, tells. */
export async function errorOf(response: Response): Promise<BoxError> {
  const after = Number(response.headers.get('Retry-After'));
  const told = await response.json().catch(() => ({}));
  const message = told.message || `${response.status} ${response.statusText}`;
  const [taken] = [told.context_info?.conflicts].flat(); // Box has one for a file, a list for a folder
  return new BoxError(message, response.status, told.code ?? '', told.hint ?? '', after || null, taken?.id ?? null);
}
