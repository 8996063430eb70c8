/** A list of items from all over Box, page by page, with what can be done with each. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { fileIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IAnswer } from './asking';
import { joined, keyOf } from './pages';
import type { IItem, IPage } from './tokens';
import { folderOf, moment, size } from './words';

export const SEARCH_END = 10_000; // results that Box shows of a search

type PageAnswer = IAnswer<IPage | null>;
/** What can be done with an item: its name, and what does it. */
type ItemAction = [string, () => void];

export function Items(props: {
  answer: PageAnswer;
  /** Asks for the page at a marker; for what comes page by page. */
  more?: (marker: string) => Promise<IPage>;
  trans: TranslationBundle;
  label: string;
  empty: string;
  open?: (item: IItem) => void;
  actions: (item: IItem) => ItemAction[];
}): React.ReactElement {
  const { answer, more, trans, label, empty, open, actions } = props;
  const list = React.useRef<HTMLUListElement>(null);
  return (
    <>
      {answer.error && <p role="alert">{answer.error}</p>}
      <p role="status" className="jp-Box-hint">
        {tellOf(answer, empty, trans)}
      </p>
      <ul ref={list} className="jp-Box-items" aria-label={label}>
        {answer.value?.items.map(item => <Row key={keyOf(item)} item={item} open={open} actions={actions(item)} />)}
      </ul>
      {more && <More answer={answer} more={more} trans={trans} list={list} />}
    </>
  );
}

function Row(props: { item: IItem; open?: (item: IItem) => void; actions: ItemAction[] }): React.ReactElement {
  const { item, open, actions } = props;
  return (
    <li>
      <Name item={item} open={open} />
      <span className="jp-Box-place" title={placeOf(item)}>
        {placeOf(item)}
      </span>
      <span className="jp-Box-actions">
        {actions.map(([text, run]) => (
          <button key={text} type="button" className="jp-Box-textButton" aria-label={`${text}: ${item.name}`} onClick={run}>
            {text}
          </button>
        ))}
      </span>
    </li>
  );
}

/** The button behind the last item, while there are more; the first that it brings gets the focus. */
function More(props: {
  answer: PageAnswer;
  more: (marker: string) => Promise<IPage>;
  trans: TranslationBundle;
  list: React.RefObject<HTMLUListElement>;
}): React.ReactElement | null {
  const { answer, more, trans, list } = props;
  const [shown, setShown] = React.useState<number | null>(null);
  const [count, marker] = [answer.value?.items.length ?? 0, answer.value?.next_marker];
  React.useEffect(() => {
    if (shown !== null && count > shown) {
      const first = list.current?.children[shown];
      first?.scrollIntoView({ block: 'center' });
      first?.querySelector('button')?.focus({ preventScroll: true });
      setShown(null);
    }
  }, [count]);
  const ask = async () => {
    setShown(count);
    await answer.revise(() => more(marker!).then(next => page => joined(page, next)));
  };
  // not `disabled` while it asks: that would lose the focus
  return marker ? (
    <button
      type="button"
      className="jp-Box-more jp-mod-styled"
      aria-disabled={answer.isLoading}
      onClick={() => void (answer.isLoading || ask())}
    >
      {trans.__('Show more')}
    </button>
  ) : null;
}

/** Return what stands above a list: whether it is coming, empty, or has more. */
export function tellOf({ isLoading, value, error }: PageAnswer, empty: string, trans: TranslationBundle): string {
  if (isLoading) {
    return trans.__('Loading…');
  }
  if (!value || error) {
    return '';
  }
  const [count, total] = [value.items.length, value.total_count ?? 0];
  if (value.next_marker) {
    return total > count ? trans.__('%1 of about %2 items', count, total) : trans.__('%1 items; there are more', count);
  }
  if (total > SEARCH_END) {
    return trans.__('%1 of about %2 items; Box shows no more of a search, so narrow it down', count, total);
  }
  return count ? trans._n('%1 item', '%1 items', count) : empty;
}

function Name({ item, open }: { item: IItem; open?: (item: IItem) => void }): React.ReactElement {
  const Icon = item.type === 'folder' ? folderIcon : fileIcon;
  const inside = (
    <>
      <Icon.react tag="span" className="jp-Box-itemIcon" />
      <span>{item.name}</span>
    </>
  );
  return open ? (
    <button type="button" className="jp-Box-open" onClick={() => open(item)}>
      {inside}
    </button>
  ) : (
    <span className="jp-Box-open">{inside}</span>
  );
}

function placeOf(item: IItem): string {
  const folder = item.path && folderOf(item.path);
  return [folder, item.type === 'folder' ? '' : size(item.size), moment(item.trashed ?? item.modified)]
    .filter(Boolean)
    .join(' · ');
}
