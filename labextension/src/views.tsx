/** What the panel shows in place of a folder: a search in Box, the trash, the favourites. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, VDomModel, VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { BoxAPI } from './api';
import { useAnswer } from './asking';
import { confirmed } from './confirming';
import type { Favourites } from './favourites';
import { Items } from './itemlist';
import { allOf, without } from './pages';
import type { IItem, IPage } from './tokens';

const PAGE = 200; // items; of a search Box gives no more at once

export type View = 'folder' | 'search' | 'trash' | 'favourites';

/** Which view is shown, and the folder that a search begins at. */
export class ViewModel extends VDomModel {
  constructor(
    readonly api: BoxAPI,
    readonly favourites: Favourites,
    readonly actions: IItemActions
  ) {
    super();
  }

  view: View = 'folder';
  folder = '/';

  show(view: View, folder = this.folder): void {
    this.view = view;
    this.folder = folder;
    this.stateChanged.emit();
  }
}

export interface IItemActions {
  open: (item: IItem) => void;
  showInFolder: (item: IItem) => void;
  restored: () => void;
}

interface IProps {
  model: ViewModel;
  trans: TranslationBundle;
}

export class Views extends VDomRenderer<ViewModel> {
  constructor(
    model: ViewModel,
    private readonly _words: TranslationBundle
  ) {
    super(model);
    this.addClass('jp-Box-view');
  }

  protected override render(): React.ReactElement | null {
    const [model, trans] = [this.model, this._words];
    this.setHidden(model.view === 'folder');
    const shown = {
      folder: null,
      search: <Search model={model} trans={trans} />,
      trash: <Trash model={model} trans={trans} />,
      favourites: <FavouriteList model={model} trans={trans} />
    };
    return shown[model.view];
  }
}

function Frame(props: React.PropsWithChildren<IProps & { title: string }>): React.ReactElement {
  const { model, trans, title, children } = props;
  const close = () => model.show('folder');
  return (
    <section aria-label={title} onKeyDown={event => event.key === 'Escape' && close()}>
      <header>
        <h3>{title}</h3>
        <button type="button" className="jp-Box-iconButton" aria-label={trans.__('Back to the folder')} onClick={close}>
          <closeIcon.react tag="span" />
        </button>
      </header>
      {children}
    </section>
  );
}

interface IQuery {
  q: string;
  type: string;
  extensions: string;
  ancestor: string;
}

function Search({ model, trans }: IProps): React.ReactElement {
  const [query, setQuery] = React.useState<IQuery | null>(null);
  const ask = (marker?: string) => model.api.search({ ...query!, limit: PAGE, marker });
  const found = useAnswer(async () => (query ? await ask() : null), [query]);
  return (
    <Frame model={model} trans={trans} title={trans.__('Search in Box')}>
      <SearchForm model={model} trans={trans} search={setQuery} />
      <Items
        answer={found}
        more={ask}
        trans={trans}
        label={trans.__('Found in Box')}
        empty={trans.__('Nothing found.')}
        open={model.actions.open}
        actions={item => [[trans.__('Show in folder'), () => model.actions.showInFolder(item)]]}
      />
    </Frame>
  );
}

function SearchForm({ model, trans, search }: IProps & { search: (query: IQuery | null) => void }): React.ReactElement {
  const submit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    search(queryOf(new FormData(event.currentTarget), model.folder));
  };
  return (
    <form className="jp-Box-form" role="search" onSubmit={submit}>
      <input name="q" type="search" autoFocus aria-label={trans.__('Name or content')} placeholder={trans.__('Name or content')} />
      <div className="jp-Box-filters">
        <select name="type" aria-label={trans.__('Kind')}>
          <option value="">{trans.__('All kinds')}</option>
          <option value="file">{trans.__('Files')}</option>
          <option value="folder">{trans.__('Folders')}</option>
          <option value="web_link">{trans.__('Web links')}</option>
        </select>
        <input
          name="extensions"
          aria-label={trans.__('File extensions, separated by commas')}
          placeholder={trans.__('csv, ipynb')}
        />
      </div>
      <label className="jp-Box-check">
        <input name="here" type="checkbox" defaultChecked />
        {trans.__('Only below %1', model.folder)}
      </label>
      <button type="submit" className="jp-mod-styled jp-mod-accept">
        {trans.__('Search')}
      </button>
      <p className="jp-Box-hint">{trans.__('Box finds a new file or a change only after some minutes.')}</p>
    </form>
  );
}

/** Return what the form asks for; null where it names nothing. */
function queryOf(form: FormData, folder: string): IQuery | null {
  const [q, type, extensions] = ['q', 'type', 'extensions'].map(name => String(form.get(name)));
  const ancestor = form.has('here') ? folder : '';
  return q.trim() ? { q, type, extensions: extensions.replace(/[\s.]/g, ''), ancestor } : null;
}

function FavouriteList({ model, trans }: IProps): React.ReactElement {
  const items = useAnswer<IPage | null>(async () => allOf(await model.favourites.list()), []);
  return (
    <Frame model={model} trans={trans} title={trans.__('Favourites')}>
      <Items
        answer={items}
        trans={trans}
        label={trans.__('Favourites')}
        empty={trans.__('There are no favourites.')}
        open={model.actions.open}
        actions={item => [
          [trans.__('Show in folder'), () => model.actions.showInFolder(item)],
          [trans.__('Remove'), () => void items.revise(() => model.favourites.remove(item).then(() => leaving(item)))]
        ]}
      />
    </Frame>
  );
}

function Trash({ model, trans }: IProps): React.ReactElement {
  const ask = (marker?: string) => model.api.trash({ limit: PAGE, marker });
  const items = useAnswer<IPage | null>(() => ask(), []);
  const restore = (item: IItem) =>
    items.revise(async () => {
      await model.api.restore(item.id);
      model.actions.restored();
      return leaving(item);
    });
  const purge = async (item: IItem) => {
    const body = trans.__('“%1” and all its versions are deleted from Box. This cannot be undone.', item.name);
    if (await confirmed(trans, trans.__('Delete for good'), body)) {
      await items.revise(() => model.api.purge(item.id).then(() => leaving(item)));
    }
  };
  return (
    <Frame model={model} trans={trans} title={trans.__('Trash of Box')}>
      <Items
        answer={items}
        more={ask}
        trans={trans}
        label={trans.__('In the trash')}
        empty={trans.__('The trash is empty.')}
        actions={item => [
          [trans.__('Restore'), () => void restore(item)],
          [trans.__('Delete for good'), () => void purge(item)]
        ]}
      />
    </Frame>
  );
}

/** Return what makes a list one without an item. */
function leaving(item: IItem): (page: IPage) => IPage {
  return page => without(page, item);
}
