/** Which of JupyterLab's own commands are disabled in the panel, and what their labels say. */

import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { describe, expect, it } from 'vitest';

import type { IContext } from '../src/context';
import { guardStockCommands } from '../src/guarding';
import { modelOf } from '../src/items';
import type { IItem } from '../src/tokens';

const item = (permissions: string[] | null, type = 'file') => ({ id: '1', type, name: 'a.csv', path: '/a.csv', permissions }) as IItem;

/** A registry with stock commands, and a panel that shows one selected row in a folder. */
function guarded(row: IItem, folder: IItem, isCurrent = true): CommandRegistry {
  const commands = new CommandRegistry();
  ['rename', 'delete', 'open', 'paste'].forEach(name =>
    commands.addCommand(`filebrowser:${name}`, { label: name, execute: () => undefined })
  );
  commands.addCommand('notebook:create-new', { label: 'New', execute: () => undefined });
  const browser = { selectedItems: () => [modelOf(row)], model: { folder: { box: folder } } };
  const tracker = { currentWidget: isCurrent ? browser : {} };
  const trans = nullTranslator.load('jupyter_box');
  guardStockCommands({ app: { commands }, browser, browsers: { tracker }, trans } as unknown as IContext);
  return commands;
}

describe('a stock command', () => {
  it('is disabled where Box forbids it, and says why', () => {
    const commands = guarded(item(['can_download']), item(['can_upload'], 'folder'));
    expect(commands.isEnabled('filebrowser:rename')).toBe(false);
    expect(commands.label('filebrowser:rename')).toBe('rename (your role in Box does not allow it)');
    expect(commands.isEnabled('filebrowser:open')).toBe(true);
    expect(commands.isEnabled('filebrowser:paste')).toBe(true);
  });

  it('depends on the folder where it adds to it', () => {
    const commands = guarded(item(['can_rename']), item([], 'folder'));
    expect(commands.isEnabled('filebrowser:paste')).toBe(false);
    expect(commands.isEnabled('filebrowser:rename')).toBe(true);
  });

  it('opens every folder', () => {
    expect(guarded(item([], 'folder'), item([], 'folder')).isEnabled('filebrowser:open')).toBe(true);
    expect(guarded(item([]), item([], 'folder')).isEnabled('filebrowser:open')).toBe(false);
  });

  it('is as ever in other file browsers, and for local folders', () => {
    const elsewhere = guarded(item([]), item([], 'folder'), false);
    expect([elsewhere.isEnabled('filebrowser:rename'), elsewhere.label('filebrowser:delete')]).toEqual([true, 'delete']);
    const here = guarded(item([]), item([], 'folder'));
    expect(here.isEnabled('notebook:create-new', { cwd: 'data' })).toBe(true);
    expect(here.isEnabled('notebook:create-new', { cwd: 'box:data' })).toBe(false);
  });

  it('is tried where Box does not tell', () => {
    const commands = guarded(item(null), item(null, 'folder'));
    expect(commands.isEnabled('filebrowser:rename')).toBe(true);
    expect(commands.label('filebrowser:delete')).toBe('Move to the trash of Box');
  });
});
