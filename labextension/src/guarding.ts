/** Disables JupyterLab's own commands in the panel where Box forbids them, and says so in their labels. */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IContext, INeeds } from './context';
import { isForbidden, labelWithReason } from './context';
import { DRIVE } from './tokens';

const STOCK: Record<string, INeeds> = {
  'filebrowser:open': { items: 'download', filesOnly: true },
  'filebrowser:open-browser-tab': { items: 'download', filesOnly: true },
  'filebrowser:rename': { items: 'rename' },
  'filebrowser:cut': { items: 'rename' },
  'filebrowser:copy': { items: 'download' },
  'filebrowser:delete': { items: 'delete' },
  'filebrowser:download': { items: 'download' },
  'filebrowser:duplicate': { items: 'download', folder: 'upload' },
  'filebrowser:paste': { folder: 'upload' },
  'filebrowser:create-new-directory': { folder: 'upload' },
  'filebrowser:create-new-file': { folder: 'upload' },
  'filebrowser:create-new-markdown-file': { folder: 'upload' },
  'fileeditor:create-new': { folder: 'upload' },
  'fileeditor:create-new-markdown-file': { folder: 'upload' },
  'notebook:create-new': { folder: 'upload' }
};

/** What a command is called where it acts on the panel; JupyterLab says “Delete” of what only moves to Box's trash. */
const names = (trans: TranslationBundle): Record<string, string> => ({ 'filebrowser:delete': trans.__('Move to the trash of Box') });

/**
 * Guard the stock commands.
 *
 * JupyterLab has no hook for it, so what its menus, keys and palette ask of the registry is answered here. Commands of
 * our own in their place would stand beside the stock ones in the context menu, which goes by the class of a row.
 */
export function guardStockCommands(context: IContext): void {
  const { commands } = context.app;
  const stock = { isEnabled: commands.isEnabled.bind(commands), label: commands.label.bind(commands) };
  const own = names(context.trans);
  const needsOf = (id: string, args: ReadonlyPartialJSONObject) => (id in STOCK && isOurs(context, args) ? STOCK[id] : null);
  commands.isEnabled = (id, args = {}) => {
    const needs = needsOf(id, args);
    return stock.isEnabled(id, args) && !(needs && isForbidden(context, needs));
  };
  commands.label = (id, args = {}) => {
    const needs = needsOf(id, args);
    return needs ? labelWithReason(context, own[id] ?? stock.label(id, args), needs) : stock.label(id, args);
  };
}

/** Tell whether the command would act on the panel. */
function isOurs(context: IContext, { cwd }: ReadonlyPartialJSONObject): boolean {
  const elsewhere = typeof cwd === 'string' && !cwd.startsWith(`${DRIVE}:`);
  return !elsewhere && context.browsers.tracker.currentWidget === context.browser;
}
