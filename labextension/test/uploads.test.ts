/** How a file is cut into slices, and what happens when some are lost, refused or stopped. */

import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import type { BoxAPI } from '../src/api';
import { BoxError } from '../src/api';
import type { IUploadState } from '../src/tokens';
import type { IShared } from '../src/upload';
import { bytesOf, missing, SliceSize, SMALLEST_SLICE, Upload } from '../src/upload';
import { sharedBy, Uploads } from '../src/uploads';
import { WholeUploads } from '../src/whole';

const MiB = 2 ** 20;

/** The other side of the wire, which is the server's: it keeps bytes, and does what a test tells it to. */
class Wire {
  done: [number, number][] = [];
  sizes: number[] = [];
  settings = { baseUrl: 'http://h/' };
  before: (offset: number, size: number) => void = () => undefined;
  state = (): IUploadState => ({ id: 'u', path: '/a', size: 0, part_size: 8 * MiB, done: [...this.done], state: 'pending' });
  beginUpload = async () => this.state();
  uploadState = async () => this.state();
  cancelled = false;
  sendPart = async (_: string, offset: number, part: Blob, signal: AbortSignal) => {
    await new Promise(resolve => setTimeout(resolve));
    signal.throwIfAborted();
    this.before(offset, part.size);
    this.sizes.push(part.size);
    this.done.push([offset, offset + part.size]);
    return { received: bytesOf(this.done) };
  };
  commitUpload = async () => ({ id: '1', name: 'a' });
  cancelUpload = async () => void (this.cancelled = true);
  uploads = async () => [];
}

function shared(wire: Wire, more: Partial<IShared> = {}): IShared {
  const usual = sharedBy(wire as unknown as BoxAPI, nullTranslator.load(''));
  return { ...usual, direct: { suits: () => false } as any, wait: async () => undefined, ...more };
}

function upload(wire: Wire, size: number, more: Partial<IShared> = {}): Upload {
  const file = new File([new Uint8Array(size)], 'a');
  return new Upload(shared(wire, more), '/a', file, 'version', () => undefined);
}

describe('missing', () => {
  it.each([
    [0, [], 4, []],
    [10, [], 4, [[0, 4], [4, 8], [8, 10]]],
    [10, [[0, 4]], 4, [[4, 8], [8, 10]]],
    [10, [[4, 6]], 4, [[0, 4], [6, 10]]],
    [10, [[6, 10], [0, 3]], 4, [[3, 6]]],
    [10, [[0, 10]], 4, []]
  ] as [number, [number, number][], number, [number, number][]][])('of %i with %j in slices of %i', (size, done, slice, wanted) => {
    expect([...missing(size, done, slice)]).toEqual(wanted);
  });
});

describe('an upload', () => {
  it('sends every byte once', async () => {
    const wire = new Wire();
    await upload(wire, 20 * MiB).run();
    expect(wire.sizes.sort((a, b) => a - b)).toEqual([4 * MiB, 8 * MiB, 8 * MiB]);
  });

  it('sends what a server has not got, and nothing else', async () => {
    const wire = new Wire();
    wire.done = [[0, 8 * MiB]];
    await upload(wire, 10 * MiB).run();
    expect(wire.sizes).toEqual([2 * MiB]);
  });

  it('cuts smaller when a proxy refuses large bodies, and remembers it', async () => {
    const [wire, slice] = [new Wire(), new SliceSize()];
    wire.before = (_, size) => {
      if (size > MiB) {
        throw new BoxError('Request Entity Too Large', 413);
      }
    };
    await upload(wire, 9 * MiB, { slice }).run();
    expect(Math.max(...wire.sizes)).toBe(MiB);
    expect(slice.bytes).toBe(MiB);
  });

  it('gives up when even the smallest slice is refused', async () => {
    const wire = new Wire();
    wire.before = () => {
      throw new BoxError('Request Entity Too Large', 413);
    };
    await expect(upload(wire, SMALLEST_SLICE * 2).run()).rejects.toThrow('Too Large');
  });

  it('tries again what passes, and tells what does not', async () => {
    const wire = new Wire();
    let times = 0;
    wire.before = () => {
      if (times++ < 2) {
        throw new BoxError('Bad gateway', 502);
      }
    };
    await upload(wire, 100).run();
    wire.before = () => {
      throw new BoxError('Storage full', 507, 'quota_full');
    };
    wire.done = [];
    const second = upload(wire, 100);
    await expect(second.run()).rejects.toThrow('Storage full');
    expect([second.phase, second.code]).toEqual(['failed', 'quota_full']);
  });

  it('stops when it is paused and goes on from there', async () => {
    const wire = new Wire();
    const paused = upload(wire, 40 * MiB);
    wire.before = () => paused.pause();
    expect(await paused.run()).toBeNull();
    expect(paused.phase).toBe('paused');
    wire.before = () => undefined;
    await paused.run();
    expect([paused.phase, bytesOf(wire.done)]).toEqual(['done', 40 * MiB]);
  });
});

it('a server without room for a file passes it on as one request', async () => {
  const wire = new Wire();
  const puts: [string, number][] = [];
  wire.beginUpload = async () => {
    throw new BoxError("The server's disk has no room.", 507, 'spool_full');
  };
  const requestAPI = async (_: string, route: string, { path, body }: { path: string; body: Blob }) => {
    puts.push([`${route}${path}`, body.size]);
    return { id: '1', name: 'a' };
  };
  const whole = new WholeUploads({ requestAPI } as any);
  const item = await upload(wire, 20 * MiB, { whole }).run();
  expect([item?.id, puts]).toEqual(['1', [['files/a', 20 * MiB]]]);
});

describe('while the server is away', () => {
  it('an upload waits for long, and says so', async () => {
    const wire = new Wire();
    const said = new Set<string>();
    let times = 0;
    wire.before = () => {
      if (times++ < 20) {
        throw new TypeError('Failed to fetch');
      }
    };
    const file = new File([new Uint8Array(100)], 'a');
    const waiting = new Upload(shared(wire), '/a', file, 'version', each => said.add(each.message));
    await waiting.run();
    expect([waiting.phase, bytesOf(wire.done)]).toEqual(['done', 100]);
    expect([...said].join()).toContain('goes on when it is back');
  });

  it('what it has lost of an upload is sent again', async () => {
    const wire = new Wire();
    let begun = 0;
    wire.beginUpload = async () => {
      begun++;
      wire.done = [];
      return wire.state();
    };
    wire.commitUpload = async () => {
      if (begun === 1) {
        throw new BoxError('There is no such upload.', 404, 'upload_not_found');
      }
      return { id: '1', name: 'a' };
    };
    await upload(wire, 100).run();
    expect([begun, wire.sizes]).toEqual([2, [100, 100]]);
  });

  it('a file that has changed on the disk is told from it', async () => {
    const wire = new Wire();
    const changed = upload(wire, 100);
    wire.before = () => {
      throw new TypeError('Failed to fetch');
    };
    changed.file!.slice = () =>
      ({ size: 100, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) }) as any;
    await expect(changed.run()).rejects.toThrow('has changed on this computer');
  });
});

describe('uploads', () => {
  it('refuse another file where an unfinished one waits for its own', async () => {
    const wire = new Wire();
    const all = new Uploads(wire as unknown as BoxAPI);
    wire.uploads = async () => [{ ...wire.state(), size: 5, mtime: 1 }] as any;
    await all.restore();
    const [waiting] = [...all];
    expect(waiting.phase).toBe('interrupted');
    expect(() => all.resume(waiting, new File(['1234'], 'a', { lastModified: 1 }))).toThrow('is not the file');
  });

  it('leave nothing of what was cancelled while it began', async () => {
    const wire = new Wire();
    let begun = () => undefined as void;
    wire.beginUpload = () => new Promise(resolve => (begun = () => resolve(wire.state())));
    const one = upload(wire, 10);
    const run = one.run();
    const cancel = one.cancel();
    begun();
    expect([await run, await cancel, wire.cancelled, wire.sizes]).toEqual([null, undefined, true, []]);
  });

  it('forget what was cancelled', async () => {
    const wire = new Wire();
    const all = new Uploads(wire as unknown as BoxAPI);
    wire.uploads = async () => [{ ...wire.state(), size: 5 }] as any;
    await all.restore();
    await all.cancel([...all][0]);
    expect([[...all].length, wire.cancelled]).toEqual([0, true]);
  });
});
