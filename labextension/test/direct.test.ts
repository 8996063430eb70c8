/** Uploads to Box itself: what they send, when they give way to the server, and that the digest is that of the file. */

import { createHash } from 'node:crypto';

import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { BoxError } from '../src/api';
import { DirectUploads, NotDirect, SMALLEST } from '../src/direct';
import { Upload } from '../src/upload';
import { sharedBy, Uploads } from '../src/uploads';

const PART = 8 * 2 ** 20;
const SIZE = SMALLEST + 5;
const BYTES = Uint8Array.from({ length: SIZE }, (_, i) => (i * 31) & 255);
const WANTED = { path: '/x/a.bin', size: SIZE, mtime: 0, on_conflict: 'version' } as const;

/** The server's answers, and Box's, which a test may change. */
class Both {
  asked: [string, string, Record<string, string>][] = [];
  parts: object[] = [];
  tokens = 0;
  settings = { baseUrl: 'http://h/user/a/' };
  sent = 0;
  answers: Record<string, () => Response | undefined> = {};

  token = async () => ({ access_token: `t${++this.tokens}`, expires_in: 3600, upload_url: 'http://box' });
  item = async (path: string): Promise<object> => ({ id: path.startsWith('id:') ? path.slice(3) : '7' });

  fetch = async (url: string, { method, headers, body }: any): Promise<Response> => {
    this.asked.push([method, url, headers]);
    const special = this.answers[`${method} ${url}`]?.();
    if (special) {
      return special;
    }
    if (method === 'PUT') {
      const [, from, to] = /bytes (\d+)-(\d+)/.exec(headers['Content-Range'])!.map(Number);
      const digest = createHash('sha1').update(Buffer.from(await (body as Blob).arrayBuffer()));
      expect(headers.Digest).toBe(`sha=${digest.digest('base64')}`);
      this.sent += to - from + 1;
      this.parts.push({ part_id: String(from), offset: from, size: to - from + 1, sha1: digestOf(await (body as Blob).arrayBuffer()) });
      return json({ part: this.parts.at(-1) });
    }
    if (url.endsWith('/commit')) {
      return json({ entries: [{ id: '99' }] });
    }
    if (url.includes('/list')) {
      return json({ entries: this.parts, total_count: this.parts.length });
    }
    return json({ id: 's', part_size: PART, session_endpoints: endpoints });
  };
}

const endpoints = Object.fromEntries(
  Object.entries({ upload_part: 'part', commit: 'commit', abort: 'abort', list_parts: 'list' }).map(([name, word]) => [
    name,
    `http://box/s/${word}`
  ])
);
const SESSIONS = 'POST http://box/2.0/files/upload_sessions';

const digestOf = (bytes: ArrayBuffer) => createHash('sha1').update(Buffer.from(bytes)).digest('hex');
const fileOf = (bytes: Uint8Array<ArrayBuffer>) => new File([bytes], 'a.bin', { lastModified: WANTED.mtime });

function json(value: object, status = 200): Response {
  return new Response(JSON.stringify(value), { status });
}

describe('an upload to Box itself', () => {
  let both: Both;

  beforeEach(() => {
    both = new Both();
    vi.stubGlobal('fetch', both.fetch);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    localStorage.clear();
  });

  function run(): Promise<unknown> {
    const direct = new DirectUploads(both as any);
    const shared = { ...sharedBy(both as any, nullTranslator.load('')), direct, wait: async () => undefined };
    return new Upload(shared, '/x/a.bin', new File([BYTES], 'a.bin'), 'version', () => undefined).run();
  }

  /** Send the first two parts in a page that then is closed. */
  async function begun(): Promise<void> {
    const direct = new DirectUploads(both as any);
    const file = fileOf(BYTES);
    const { id } = await direct.beginUpload(WANTED, file);
    for (const offset of [0, PART]) {
      await direct.sendPart(id, offset, file.slice(offset, offset + PART), new AbortController().signal);
    }
    both.sent = 0;
  }

  /** The uploads of a page that is opened after; what they say, and how many bytes were sent when they first did. */
  async function restored(): Promise<[Uploads, Map<string, number>]> {
    const api = Object.assign(both, { uploads: async () => [] }) as any;
    const [uploads, said] = [new Uploads(api, nullTranslator.load('')), new Map<string, number>()];
    uploads.changed.connect((_, { message, done }) => said.has(message) || said.set(message, done));
    await uploads.restore();
    return [uploads, said];
  }

  function wholeDigest(): string {
    return both.asked.find(([, url]) => url.endsWith('/commit'))![2].Digest;
  }

  const expected = `sha=${createHash('sha1').update(BYTES).digest('base64')}`;

  it('sends all parts, and the digest of the whole', async () => {
    expect(await run()).toEqual({ id: '99' });
    expect(both.parts.length).toBe(3);
    expect(wholeDigest()).toBe(expected);
  });

  it('has the right digest though a part was sent twice', async () => {
    let failures = 2;
    both.answers['PUT http://box/s/part'] = () => (failures-- > 0 ? json({ code: 'x' }, 503) : undefined);
    await run();
    expect(both.parts.length).toBe(3);
    expect(wholeDigest()).toBe(expected);
  });

  it('gets another token when one has ended', async () => {
    let refused = false;
    both.answers['PUT http://box/s/part'] = () => {
      const first = !refused;
      refused = true;
      return first ? json({ code: 'unauthorized' }, 401) : undefined;
    };
    await run();
    expect(both.tokens).toBe(2);
  });

  it('becomes the next version of what has the name', async () => {
    const conflict = { code: 'item_name_in_use', message: 'taken', context_info: { conflicts: { id: '5' } } };
    both.answers[SESSIONS] = () => json(conflict, 409);
    await run();
    expect(both.asked.some(([, url]) => url === 'http://box/2.0/files/5/upload_sessions')).toBe(true);
  });

  it.each([
    ['the server hands out no tokens', (it: Both) => (it.token = async () => Promise.reject(new BoxError('off', 403, 'tokens_off')))],
    ['Box does not take requests from this page', (it: Both) => (it.answers[SESSIONS] = () => { throw new TypeError('Failed to fetch'); })]
  ])('gives way for good where %s', async (_, trouble) => {
    trouble(both);
    const direct = new DirectUploads(both as any);
    expect(direct.suits(WANTED)).toBe(true);
    await expect(direct.beginUpload(WANTED, fileOf(BYTES))).rejects.toThrow(NotDirect);
    expect(direct.suits(WANTED)).toBe(false);
  });

  it('tells what is wrong with the file, whichever way it went', async () => {
    both.answers[SESSIONS] = () => json({ code: 'storage_limit_exceeded', message: 'Full.' }, 403);
    await expect(new DirectUploads(both as any).beginUpload(WANTED, fileOf(BYTES))).rejects.toThrow('Full.');
  });

  it('goes on in another page, once the file was chosen again', async () => {
    await begun();
    expect(JSON.stringify({ ...localStorage })).not.toMatch(/t1/);
    const [uploads] = await restored();
    const [left] = [...uploads];
    expect([left.phase, left.done, left.needsFile]).toEqual(['interrupted', 2 * PART, true]);
    expect(await uploads.add(fileOf(BYTES), 'box:x/a.bin')).toEqual({ id: '99' });
    expect(both.sent).toBe(SIZE - 2 * PART);
    expect(wholeDigest()).toBe(expected);
    expect(localStorage.length).toBe(0);
  });

  it('begins anew where Box has ended it, and says so', async () => {
    await begun();
    both.answers['GET http://box/2.0/files/upload_sessions/s'] = () => json({ code: 'session_expired' }, 410);
    both.parts = [];
    const [uploads, said] = await restored();
    expect([...uploads][0].done).toBe(0);
    await uploads.add(fileOf(BYTES), 'box:x/a.bin');
    expect(said.get('What was sent before is gone; the file is sent from the beginning.')).toBe(0);
    expect(both.sent).toBe(SIZE);
  });

  it('begins anew where the file has another content, and says so', async () => {
    await begun();
    const other = BYTES.slice();
    other[PART + 1] ^= 1;
    both.answers['DELETE http://box/s/abort'] = () => {
      both.parts = [];
      return json({});
    };
    const [uploads, said] = await restored();
    await uploads.add(fileOf(other), 'box:x/a.bin');
    expect(said.get('The file has changed since; it is sent from the beginning.')).toBe(0);
    expect(both.sent).toBe(SIZE);
    expect(wholeDigest()).toBe(`sha=${createHash('sha1').update(other).digest('base64')}`);
  });

  it('is not sent again where only the end of it was not seen', async () => {
    await begun();
    both.answers['GET http://box/2.0/files/upload_sessions/s'] = () => json({ code: 'not_found' }, 404);
    both.item = async () => ({ id: '99', size: SIZE, content_modified: '1970-01-01T00:00:00Z' });
    expect([...(await restored())[0]]).toEqual([]);
    expect(localStorage.length).toBe(0);
  });

  it('is not sent again where another page has ended it', async () => {
    await begun();
    const [uploads] = await restored();
    const gone = () => json({ code: 'not_found' }, 404);
    Object.assign(both.answers, { 'GET http://box/s/list?offset=0&limit=1000': gone, 'POST http://box/s/commit': gone });
    both.item = async () => ({ id: '99', size: SIZE, content_modified: '1970-01-01T00:00:00Z' });
    expect(await uploads.add(fileOf(BYTES), 'box:x/a.bin')).toMatchObject({ id: '99' });
    expect(both.sent).toBe(0);
  });

  it('is not sent again where the answer to its commit was lost', async () => {
    both.item = async () => ({ id: '99', size: SIZE, content_modified: '1970-01-01T00:00:00Z' });
    both.answers['POST http://box/s/commit'] = () => json({ code: 'not_found' }, 404);
    const direct = new DirectUploads(both as any);
    const { id } = await direct.beginUpload(WANTED, fileOf(BYTES));
    expect(await direct.commitUpload(id)).toMatchObject({ id: '99' });
  });

  it('is given up for good, though Box cannot be told', async () => {
    await begun();
    both.answers['DELETE http://box/s/abort'] = () => json({ code: 'unavailable' }, 503);
    const [uploads] = await restored();
    await uploads.cancel([...uploads][0]);
    expect([[...uploads], localStorage.length]).toEqual([[], 0]);
  });

  it('is for large files only, and never renames', () => {
    const direct = new DirectUploads(both as any);
    expect(direct.suits({ ...WANTED, size: SMALLEST - 1 })).toBe(false);
    expect(direct.suits({ ...WANTED, on_conflict: 'rename' })).toBe(false);
  });
});
