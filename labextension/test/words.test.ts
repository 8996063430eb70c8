/** Paths, addresses, figures and lines of code. */

import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { address } from '../src/api';
import { boxUrl, drivePath, labPath } from '../src/drive';
import { fitting } from '../src/columns';
import { mayDo } from '../src/details';
import { allows, childPath, modelOf, refusal } from '../src/items';
import { notebookText } from '../src/comparing';
import { orderOf, visibleSpan } from '../src/listing';
import { codeFor, fits } from '../src/snippets';
import type { IItem } from '../src/tokens';
import { duration, nameOf, size } from '../src/words';

const WORDS = nullTranslator.load('jupyter_box');
const ITEM = { id: '1', type: 'file', name: 'a.ipynb', path: '/x/a.ipynb', size: 3, permissions: null } as unknown as IItem;

describe('paths', () => {
  it.each([
    ['/', 'box:', '/'],
    ['/a b/c', 'box:a b/c', '/a b/c'],
    ['/a:b', 'box:a:b', '/a:b']
  ])('%s', (path, lab, back) => {
    expect([labPath(path), drivePath(lab)]).toEqual([lab, back]);
  });

  it('any name goes through an address', () => {
    const url = address({ baseUrl: 'http://h/user/a/' } as any, 'files', 'a #?%/ü', { download: 1, version: undefined });
    expect(url).toBe('http://h/user/a/jupyter-box/files/a%20%23%3F%25/%C3%BC?download=1');
  });

  it('for Python', () => expect(boxUrl('box:a/b.csv')).toBe('box://a/b.csv'));
});

describe('figures', () => {
  it.each([
    [null, ''],
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 KB'],
    [123_456_789, '123 MB'],
    [5e15, '5000 TB']
  ])('%s', (bytes, text) => expect(size(bytes)).toBe(text));

  it.each([
    [0, '0:00'],
    [72, '1:12'],
    [3723, '1:02:03']
  ])('%s s', (seconds, text) => expect(duration(seconds)).toBe(text));

  it('names', () => expect(['/a/b.txt', 'b', '/a/'].map(nameOf)).toEqual(['b.txt', 'b', 'a']));
});

describe('rows', () => {
  it.each([
    [0, 240, 100_000, { first: 0, last: 30 }],
    [24_000, 240, 100_000, { first: 980, last: 1030 }],
    [0, 240, 3, { first: 0, last: 3 }],
    [999_999, 240, 10, { first: 0, last: 10 }]
  ])('scrolled by %i', (scrolled, height, count, span) => {
    expect(visibleSpan(scrolled, height, 24, count)).toEqual(span);
  });

  it('are sorted by Box', () => {
    expect(orderOf({ key: 'last_modified', direction: 'descending' })).toEqual({ sort: 'date', direction: 'desc' });
    expect(orderOf({ key: 'name', direction: 'ascending' })).toEqual({ sort: 'name', direction: 'asc' });
  });

  it('are of the types that JupyterLab knows', () => {
    expect(modelOf(ITEM).type).toBe('notebook');
    expect(modelOf({ ...ITEM, type: 'folder' }).type).toBe('directory');
    expect(modelOf(ITEM).path).toBe('box:x/a.ipynb');
  });

  it('are allowed what Box does not forbid', () => {
    expect(allows(ITEM, 'delete')).toBe(true);
    expect(allows({ ...ITEM, permissions: ['can_download'] }, 'delete')).toBe(false);
    expect(allows({ ...ITEM, permissions: ['can_set_share_access'] }, 'share')).toBe(true);
    expect(allows({ ...ITEM, permissions: [] }, 'upload')).toBe(false);
    expect(refusal({ ...ITEM, permissions: [] }, 'upload', WORDS)).toContain('a.ipynb');
    expect(refusal(ITEM, 'upload', WORDS)).toBe('');
  });

  it('are in a folder of any depth', () => {
    expect(childPath('box:', 'a')).toBe('box:a');
    expect(childPath('box:x/y', 'a')).toBe('box:x/y/a');
  });

  it.each([
    [1000, { last_modified: true, file_size: true }],
    [250, { last_modified: true, file_size: false }],
    [200, { last_modified: false, file_size: false }]
  ])('of %i px have the columns that leave room for names', (width, columns) => {
    expect(fitting({ last_modified: true, file_size: true }, width)).toEqual(columns);
  });

  it('have the size where nobody asks for the time', () => {
    expect(fitting({ last_modified: false, file_size: true }, 250)).toEqual({ last_modified: false, file_size: true });
  });

  it('tell in words what one may do', () => {
    expect(mayDo(['can_upload', 'can_download', 'can_fly'], WORDS)).toBe('download, upload, can_fly');
    expect(mayDo([], WORDS)).toBe('only see that it is there');
  });
});

describe('code', () => {
  it('reads a file as it is', () => {
    expect(codeFor('pandas', 'box:a/b.parquet')).toContain('pd.read_parquet("box://a/b.parquet")');
    expect(codeFor('polars', 'box:b.tsv')).toContain('pl.read_csv("box://b.tsv", separator="\\t")');
    expect(codeFor('download', 'box:a "b".bin')).toContain('%box_download "/a \\"b\\".bin"');
    expect([fits('pandas', 'a.csv'), fits('pandas', 'a.bin'), fits('path', 'a.bin')]).toEqual([true, false, true]);
  });

  it('of a notebook is compared without its outputs', () => {
    const cell = { cell_type: 'code', source: ['x = 1\n', 'x'], outputs: [{ text: 'noise' }] };
    expect(notebookText(JSON.stringify({ cells: [cell] }))).toBe('# %% [code]\nx = 1\nx');
  });
});
