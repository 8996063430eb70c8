/** A list that Box gives page by page, as one page that grows and shrinks. */

import type { IItem, IPage } from './tokens';

/** Return items that are all there are. */
export function allOf(items: IItem[]): IPage {
  return { items, next_marker: null, total_count: null };
}

/** Return two pages as one; what has moved from the one to the other meanwhile is in it once. */
export function joined(before: IPage, next: IPage): IPage {
  const known = new Set(before.items.map(keyOf));
  return { ...next, items: [...before.items, ...next.items.filter(item => !known.has(keyOf(item)))] };
}

/** Return a page without an item. */
export function without(page: IPage, item: IItem): IPage {
  return { ...page, items: page.items.filter(each => keyOf(each) !== keyOf(item)) };
}

/** Return what no other item has; a file and a folder may have the same id. */
export function keyOf({ type, id }: IItem): string {
  return `${type} ${id}`;
}
