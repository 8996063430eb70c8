/** Items of Box as JupyterLab's Contents models, and what Box lets us do with them. */

import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { labPath } from './drive';
import type { IBoxModel, IItem } from './tokens';

/** What an action needs of Box's permissions, for files and folders. */
const NEEDS = {
  download: ['can_download'],
  rename: ['can_rename'],
  delete: ['can_delete'],
  upload: ['can_upload'],
  lock: ['can_upload'],
  share: ['can_share', 'can_set_share_access'],
  invite: ['can_invite_collaborator']
} as const;

/** For what Box tells no times of, as an account's own root; JupyterLab wants one. */
export const NO_TIME = new Date(0).toISOString();

export type Action = keyof typeof NEEDS;

/** Return an item of a listing as the model that JupyterLab's file browser shows. */
export function modelOf(item: IItem): IBoxModel {
  return {
    name: item.name,
    path: labPath(item.path),
    type: contentType(item),
    writable: allows(item, item.type === 'folder' ? 'upload' : 'rename'),
    created: item.created ?? NO_TIME,
    last_modified: item.modified ?? NO_TIME,
    size: item.type === 'folder' ? undefined : item.size ?? undefined,
    mimetype: '',
    content: null,
    format: null,
    hash: item.sha1 ?? undefined,
    hash_algorithm: item.sha1 ? 'sha1' : undefined,
    box: item
  } as IBoxModel;
}

/** Return whether Box lets us do it; where Box does not tell, it is tried. */
export function allows(item: IItem | undefined, action: Action): boolean {
  const granted = item?.permissions;
  return !granted || NEEDS[action].some(permission => granted.includes(permission));
}

/** Return the sentence that says why it is not done; '' where Box lets us. */
export function refusal(item: IItem | undefined, action: Action, trans: TranslationBundle): string {
  if (allows(item, action)) {
    return '';
  }
  const sentences: Record<Action, string> = {
    download: trans.__('Your role in Box does not allow you to download “%1”.', item!.name),
    rename: trans.__('Your role in Box does not allow you to rename or move “%1”.', item!.name),
    delete: trans.__('Your role in Box does not allow you to delete “%1”.', item!.name),
    upload: trans.__('Your role in Box does not allow you to add to “%1” or to change it.', item!.name),
    lock: trans.__('Your role in Box does not allow you to lock “%1”.', item!.name),
    share: trans.__('Your role in Box does not allow you to share “%1”.', item!.name),
    invite: trans.__('Your role in Box does not allow you to invite to “%1”.', item!.name)
  };
  return sentences[action];
}

/** Return the item behind a row of the file browser. */
export function itemOf(model: Contents.IModel | undefined): IItem | undefined {
  return (model as IBoxModel | undefined)?.box;
}

/** Return JupyterLab's path of what is in a folder: `box:` and `a` are `box:a`. */
export function childPath(folder: string, name: string): string {
  return `${folder}${/[:/]$/.test(folder) ? '' : '/'}${name}`;
}

/** Show an item as Box shows it; a web link where it leads to. */
export function openInBox(item: IItem | undefined): void {
  window.open(item?.web_url, '_blank', 'noopener');
}

export function isNotebook({ name }: { name: string }): boolean {
  return name.toLowerCase().endsWith('.ipynb');
}

function contentType(item: IItem): Contents.ContentType {
  if (item.type === 'folder') {
    return 'directory';
  }
  return isNotebook(item) ? 'notebook' : 'file';
}
