/** What a drop of the desktop holds. */

import { describe, expect, it } from 'vitest';

import { dropped } from '../src/choosing';

const file = (name: string) => ({ name, isFile: true, file: (done: (file: File) => void) => done(new File(['x'], name)) });

/** A folder that gives its entries a few at a time, as browsers do. */
function folder(name: string, ...entries: object[]): object {
  const left = [...entries];
  return { name, isFile: false, createReader: () => ({ readEntries: (done: (some: object[]) => void) => done(left.splice(0, 2)) }) };
}

const dropOf = (...entries: object[]) =>
  dropped({ items: entries.map(entry => ({ webkitGetAsEntry: () => entry })), files: [] } as unknown as DataTransfer);

describe('a drop', () => {
  it('has every file of its folders', async () => {
    const found = await dropOf(file('a'), folder('f', file('b'), file('c'), file('d'), folder('g', file('e'))));
    expect(found.map(each => each.path)).toEqual(['a', 'f/b', 'f/c', 'f/d', 'f/g/e']);
  });

  it('has the folders in which there is nothing', async () => {
    expect(await dropOf(folder('f', folder('empty')))).toEqual([{ file: null, path: 'f/empty' }]);
  });

  it('is empty without files', async () => expect(await dropped(null)).toEqual([]));
});
