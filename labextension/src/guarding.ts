/** Disables JupyterLab's own file commands where Box forbids them to the panel, with the reason in their labels. */

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

type Args = ReadonlyPartialJSONObject;

/** A command in Lumino's registry, as far as it is replaced. */
interface IRegistered {
  isEnabled: (args: Args) => boolean;
  label: (args: Args) => string;
}

/** Guard the stock commands that there are; JupyterLab has no hook for it, so their entries in the registry are replaced. */
export function guardStockCommands(context: IContext): void {
  const commands = (context.app.commands as unknown as { _commands?: Map<string, IRegistered> })._commands;
  for (const [id, needs] of Object.entries(STOCK)) {
    const command = commands?.get(id);
    if (command) {
      commands!.set(id, guarded(context, command, needs, names(context.trans)[id]));
    }
  }
}

function guarded(context: IContext, command: IRegistered, needs: INeeds, name?: string): IRegistered {
  return {
    ...command,
    isEnabled: args => command.isEnabled(args) && !(isOurs(context, args) && isForbidden(context, needs)),
    label: args => (isOurs(context, args) ? labelWithReason(context, name ?? command.label(args), needs) : command.label(args))
  };
}

/** Tell whether the command would act on the panel. */
function isOurs(context: IContext, { cwd }: Args): boolean {
  const elsewhere = typeof cwd === 'string' && !cwd.startsWith(`${DRIVE}:`);
  return !elsewhere && context.browsers.tracker.currentWidget === context.browser;
}
