/** What comes over the server's event stream, and what a lost connection means. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { BoxAPI, IServerEvent } from '../src/api';
import { splitEvents } from '../src/api';
import { Events } from '../src/events';
import { Transfers } from '../src/transfers';
import type { IChanges, IProgress } from '../src/tokens';
import { Uploads } from '../src/uploads';

const NOTHING: IChanges = { folders: [], items: [], paths: [], everything: false };

/** The server's side of the stream: one list of events for each connection. */
function streams(...connections: IServerEvent[][]): BoxAPI {
  return {
    settings: { baseUrl: 'http://h/' },
    events: async function* (_: AbortSignal, opened: () => void) {
      const events = connections.shift();
      if (!events) {
        throw new TypeError('Failed to fetch');
      }
      opened();
      yield* events;
    }
  } as unknown as BoxAPI;
}

function live(yes: boolean): IServerEvent {
  return { event: 'live', data: { live: yes, message: '' } };
}

function transfer(id: string, phase: string): IServerEvent {
  return { event: 'transfer', data: { id, phase, kind: 'upload', where: 'kernel', path: '/a', done: 0, total: 1 } };
}

describe('server-sent events', () => {
  it('come in pieces', () => {
    const whole = 'event: live\ndata: {"id":"1"}\n\n: alive\n\ndata: {"id":"2"}\n\n';
    const first = splitEvents(whole.slice(0, 35));
    const second = splitEvents(first.rest + whole.slice(35));
    expect([...first.events, ...second.events]).toEqual([
      { event: 'live', data: { id: '1' } },
      { event: 'message', data: { id: '2' } }
    ]);
    expect(second.rest).toBe('');
  });
});

describe('the event stream', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells of changes', async () => {
    const seen: IChanges[] = [];
    const change = { ...NOTHING, items: ['7'] };
    const events = new Events(streams([live(true), { event: 'changes', data: change }]));
    events.changes.connect((_, each) => void seen.push(each));
    events.follow();
    await vi.advanceTimersByTimeAsync(100);
    expect(seen).toEqual([change]);
    events.dispose();
  });

  it('takes everything as changed once it is back', async () => {
    const seen: IChanges[] = [];
    const events = new Events(streams([live(true)], [live(false), live(true)]));
    events.changes.connect((_, each) => void seen.push(each));
    events.follow();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toEqual([{ ...NOTHING, everything: true }]);
    events.dispose();
  });

  it('forgets the transfers of a server that is gone', async () => {
    const api = streams([transfer('1', 'running'), transfer('2', 'running')], [transfer('2', 'running')]);
    const events = new Events(api);
    const transfers = new Transfers(api, new Uploads(api), events);
    events.follow();
    await vi.advanceTimersByTimeAsync(100);
    expect(transfers.list.map(each => each.id)).toEqual(['1', '2']);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(transfers.list.map(each => each.id)).toEqual(['2']);
    events.dispose();
  });

  it('tells once that a transfer has ended well', async () => {
    const api = streams([transfer('1', 'running'), transfer('1', 'done'), transfer('2', 'failed')]);
    const events = new Events(api);
    const transfers = new Transfers(api, new Uploads(api), events);
    const finished: IProgress[] = [];
    transfers.finished = each => void finished.push(each);
    events.follow();
    await vi.advanceTimersByTimeAsync(100);
    expect(finished.map(each => each.id)).toEqual(['1']);
    expect(transfers.list.map(each => [each.id, each.phase])).toEqual([['2', 'failed']]);
    events.dispose();
  });
});
