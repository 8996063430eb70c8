/** The commands for one item: inspect, share, lock, mark, insert code; and the views of the panel. */

import { linkIcon, searchIcon, historyIcon, lockIcon, codeIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ICommand, IContext } from './context';
import { pathArgument, pathOf, selection } from './context';
import { drivePath, localPath } from './drive';
import { infoIcon, starIcon, trashIcon } from './icons';
import { itemOf } from './items';
import type { Snippet } from './snippets';
import { codeFor, fits, SNIPPETS } from './snippets';
import type { IItem } from './tokens';

export const INSERT = 'jupyter-box:insert-code';

export function viewCommands(context: IContext): ICommand[] {
  const { trans } = context;
  return [
    { id: 'jupyter-box:search', label: trans.__('Search in Box…'), icon: searchIcon, run: () => context.reveal('search') },
    { id: 'jupyter-box:show-trash', label: trans.__('Show the trash of Box'), icon: trashIcon, run: () => context.reveal('trash') },
    {
      id: 'jupyter-box:show-favourites',
      label: trans.__('Show favourites'),
      icon: starIcon,
      run: () => context.reveal('favourites')
    },
    { id: 'jupyter-box:show-details', label: trans.__('Details'), icon: infoIcon, run: () => context.inspect('details') },
    {
      id: 'jupyter-box:show-versions',
      label: trans.__('Versions'),
      icon: historyIcon,
      only: 'file',
      run: () => context.inspect('versions')
    },
    { id: 'jupyter-box:share', label: trans.__('Share…'), icon: linkIcon, run: () => context.inspect('sharing') }
  ];
}

export function itemCommands(context: IContext): ICommand[] {
  const { trans, favourites } = context;
  const { api } = context.drive;
  const editable = { needs: { items: 'lock' } } as const;
  return [
    {
      ...marking(context, 'lock', trans.__('Lock'), item => api.lock(`id:${item.id}`)),
      ...editable,
      isVisible: () => selectedItems(context).every(item => item?.type === 'file' && !item.lock)
    },
    {
      ...marking(context, 'unlock', trans.__('Unlock'), item => api.unlock(`id:${item.id}`)),
      ...editable,
      isVisible: () => selectedItems(context).every(item => item?.lock)
    },
    {
      ...marking(context, 'add-favourite', trans.__('Add to favourites'), item => favourites.add(item)),
      isVisible: () => !selectedItems(context).every(item => favourites.has(item))
    },
    {
      ...marking(context, 'remove-favourite', trans.__('Remove from favourites'), item => favourites.remove(item)),
      isVisible: () => selectedItems(context).every(item => favourites.has(item))
    },
    {
      id: INSERT,
      label: args => snippetLabel(context, args.kind as Snippet),
      icon: codeIcon,
      selected: 'one',
      args: {
        ...pathArgument(trans),
        kind: { type: 'string', enum: SNIPPETS, description: trans.__('Which line to insert') }
      },
      isVisible: args => !!context.notebooks?.activeCell && fits(kindOf(args), pathOf(context, args)),
      run: args => {
        context.notebooks?.activeCell?.editor?.replaceSelection?.(codeFor(kindOf(args), pathOf(context, args)));
      }
    }
  ];
}

function marking(context: IContext, verb: string, label: string, act: (item: IItem) => Promise<unknown>): ICommand {
  return {
    id: `jupyter-box:${verb}`,
    label,
    icon: verb.endsWith('lock') ? lockIcon : starIcon,
    selected: 'some',
    args: pathArgument(context.trans),
    run: async args => {
      await Promise.all((await itemsFor(context, args)).map(act));
      await context.browser.model.reload();
      await context.inspector.refresh();
    }
  };
}

async function itemsFor(context: IContext, { path }: ReadonlyPartialJSONObject): Promise<IItem[]> {
  const selected = selectedItems(context).filter(item => !!item);
  return path ? [await context.drive.api.item(localPath(drivePath(path as string)))] : selected;
}

function selectedItems(context: IContext): (IItem | undefined)[] {
  return selection(context).map(itemOf);
}

function kindOf(args: { kind?: unknown }): Snippet {
  return (args.kind as Snippet | undefined) ?? 'path';
}

function snippetLabel({ trans }: IContext, kind: Snippet | undefined): string {
  const labels: Record<Snippet, string> = {
    pandas: trans.__('Insert pandas code'),
    polars: trans.__('Insert polars code'),
    download: trans.__('Insert %box_download'),
    path: trans.__('Insert path')
  };
  return labels[kind ?? 'path'];
}
