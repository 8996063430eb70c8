/** The commands for one item: inspect, share, lock, mark, insert code; and the views of the panel. */

import { linkIcon, searchIcon, infoIcon, historyIcon, lockIcon, codeIcon } from '@jupyterlab/ui-components';

import type { ICommand, IContext } from './context';
import { PATH_ARGUMENT, pathOf, selection } from './context';
import { drivePath, localPath } from './drive';
import { starIcon, trashIcon } from './icons';
import { itemOf } from './items';
import type { Snippet } from './snippets';
import { codeFor, fits } from './snippets';
import type { IItem } from './tokens';

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
  const { trans, drive } = context;
  const api = drive.api;
  return [
    {
      ...marking(context, 'lock', trans.__('Lock'), item => item.type === 'file' && !item.lock, path => api.lock(path)),
      needs: { items: 'lock' }
    },
    { ...marking(context, 'unlock', trans.__('Unlock'), item => !!item.lock, path => api.unlock(path)), needs: { items: 'lock' } },
    marking(context, 'add-favourite', trans.__('Add to favourites'), item => !item.favourite, path => api.addFavourite(path)),
    marking(context, 'remove-favourite', trans.__('Remove from favourites'), item => item.favourite, path =>
      api.removeFavourite(path)
    ),
    {
      id: 'jupyter-box:insert-code',
      label: args => snippetLabel(context, args.kind as Snippet),
      icon: codeIcon,
      selected: 'one',
      args: {
        ...PATH_ARGUMENT,
        kind: { type: 'string', enum: ['pandas', 'polars', 'download', 'path'], description: 'Which line to insert' }
      },
      isVisible: args => !!context.notebooks?.activeCell && fits(kindOf(args), pathOf(context, args)),
      run: args => {
        context.notebooks?.activeCell?.editor?.replaceSelection?.(codeFor(kindOf(args), pathOf(context, args)));
      }
    }
  ];
}

function marking(
  context: IContext,
  verb: string,
  label: string,
  fits: (item: IItem) => boolean,
  act: (path: string) => Promise<unknown>
): ICommand {
  return {
    id: `jupyter-box:${verb}`,
    label,
    icon: verb.endsWith('lock') ? lockIcon : starIcon,
    selected: 'some',
    args: PATH_ARGUMENT,
    isVisible: () => selection(context).every(model => fits(itemOf(model)!)),
    run: async args => {
      const paths = args.path ? [args.path as string] : selection(context).map(model => model.path);
      await Promise.all(paths.map(path => act(localPath(drivePath(path)))));
      await context.browser.model.reload();
      await context.inspector.refresh();
    }
  };
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
