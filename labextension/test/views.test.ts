/** Lists that come page by page, what stands above them, and what the form of a shared link asks for. */

import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { SEARCH_END, tellOf } from '../src/itemlist';
import { allOf, joined, without } from '../src/pages';
import { linkWanted } from '../src/sharedlink';
import type { IItem, IPage } from '../src/tokens';

const WORDS = nullTranslator.load('jupyter_box');
const item = (id: string, type = 'file') => ({ id, type, name: id }) as IItem;
const page = (ids: string[], next_marker: string | null = null, total_count: number | null = null): IPage => ({
  items: ids.map(id => item(id)),
  next_marker,
  total_count
});
const ids = ({ items }: IPage) => items.map(each => each.id);

describe('pages', () => {
  it('become one, in which nothing is twice', () => {
    const both = joined(page(['1', '2'], 'a', 9), page(['2', '3'], 'b', 8));
    expect([ids(both), both.next_marker, both.total_count]).toEqual([['1', '2', '3'], 'b', 8]);
  });

  it('keep a file and a folder of the same id apart', () => {
    const folder = allOf([item('1', 'folder')]);
    expect(joined(page(['1']), folder).items.length).toBe(2);
    expect(ids(without(joined(page(['1']), folder), item('1')))).toEqual(['1']);
  });

  it('lose an item, and nothing else', () => {
    const left = without(page(['1', '2'], 'a'), item('1'));
    expect([ids(left), left.next_marker]).toEqual([['2'], 'a']);
  });
});

describe('what stands above a list', () => {
  const tell = (value: IPage | null, more = {}) =>
    tellOf({ value, isLoading: false, error: '', ...more } as any, 'Nothing.', WORDS);

  it.each([
    [null, ''],
    [page([]), 'Nothing.'],
    [page(['1']), '1 item'],
    [page(['1', '2']), '2 items'],
    [page(['1', '2'], 'a'), '2 items; there are more'],
    [page(['1', '2'], 'a', 300), '2 of about 300 items'],
    [page(['1', '2'], null, SEARCH_END + 1), '2 of about 10001 items; Box shows no more of a search, so narrow it down']
  ])('%#', (value, text) => expect(tell(value)).toBe(text));

  it('says that it is coming, and nothing beside an error', () => {
    expect(tell(page(['1']), { isLoading: true })).toBe('Loading…');
    expect(tell(page(['1']), { error: 'No.' })).toBe('');
  });
});

describe('the form of a shared link', () => {
  const wanted = (fields: Record<string, string>) => {
    const form = new FormData();
    Object.entries(fields).forEach(([name, value]) => form.set(name, value));
    return linkWanted(form);
  };

  it('leaves out what is empty', () => {
    expect(wanted({ access: 'open', password: '', expires: '' })).toEqual({ access: 'open', can_download: false });
    expect(wanted({ access: 'collaborators' })).toEqual({ access: 'collaborators' });
  });

  it('takes away what is ticked', () => {
    const removed = wanted({ access: 'open', can_download: 'on', no_password: 'on', no_expires: 'on' });
    expect(removed).toEqual({ access: 'open', can_download: true, password: null, expires: null });
  });

  it('ends with the day', () => {
    const { expires } = wanted({ access: 'company', expires: '2099-01-31' });
    expect(new Date(expires!).toString()).toContain('Jan 31 2099 23:59:59');
  });
});
