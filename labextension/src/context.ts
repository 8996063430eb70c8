/** What the commands work on; `index` puts it together. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { BoxError } from './api';
import type { BoxDrive } from './drive';
import { allows, itemOf } from './items';
import type { Action } from './items';
import type { BoxBrowser } from './panel';
import type { Transfers } from './transfers';

export interface IContext {
  app: JupyterFrontEnd;
  browser: BoxBrowser;
  browsers: IFileBrowserFactory;
  drive: BoxDrive;
  transfers: Transfers;
  trans: TranslationBundle;
  /** Bring the panel, or a view of it, to the front. */
  reveal: (view?: 'details' | 'versions' | 'sharing' | 'search' | 'trash') => void;
}

/** What a command is, beside what it does. */
export interface ICommand {
  id: string;
  label: string;
  caption?: string;
  icon?: any;
  /** JSON schema of its arguments' properties. */
  args?: ReadonlyJSONObject;
  /** What Box must allow for the selection. */
  needs?: Action;
  /** How many items must be selected. */
  selected?: 'one' | 'some';
  only?: 'file' | 'folder';
  run: (args: ReadonlyPartialJSONObject) => unknown;
}

export const PATH_ARGUMENT = {
  path: { type: 'string', description: 'A path as JupyterLab has it, as in box:folder/file.csv; default: the selection' }
};

/** Register commands, each with its argument schema; one that Box forbids is disabled and says why. */
export function addCommands(context: IContext, commands: ICommand[]): void {
  for (const command of commands) {
    context.app.commands.addCommand(command.id, {
      label: () => labelOf(context, command),
      caption: command.caption ?? command.label,
      icon: command.icon,
      isEnabled: args => !!args.path || isEnabled(context, command),
      isVisible: args => !!args.path || isVisible(context, command),
      execute: async args => {
        try {
          return await command.run(args);
        } catch (error) {
          tell(error);
          return undefined;
        }
      },
      describedBy: { args: { type: 'object', properties: command.args ?? {} } }
    });
  }
}

/** Return the selected rows of the panel. */
export function selection(context: IContext): Contents.IModel[] {
  return [...context.browser.selectedItems()];
}

/** Return the path that a command is for: its argument, else the first selected. */
export function pathOf(context: IContext, args: ReadonlyPartialJSONObject): string {
  return (args.path as string | undefined) ?? selection(context)[0]?.path ?? context.browser.model.path;
}

/** Show an error once, in the server's words. */
export function tell(error: unknown): void {
  const stopped = error instanceof BoxError && ['paused', 'cancelled'].includes(error.code);
  if (!stopped) {
    Notification.error(error instanceof Error ? error.message : String(error), { autoClose: 8000 });
  }
}

function labelOf(context: IContext, command: ICommand): string {
  return isForbidden(context, command)
    ? context.trans.__('%1 (your role in Box does not allow it)', command.label)
    : command.label;
}

function isForbidden(context: IContext, { needs }: ICommand): boolean {
  return !!needs && selection(context).some(model => !allows(itemOf(model), needs));
}

function isEnabled(context: IContext, command: ICommand): boolean {
  return isVisible(context, command) && !isForbidden(context, command);
}

function isVisible(context: IContext, { selected, only }: ICommand): boolean {
  const rows = selection(context);
  const enough = !selected || (selected === 'one' ? rows.length === 1 : rows.length > 0);
  return enough && (!only || rows.every(model => (model.type === 'directory') === (only === 'folder')));
}
