/** The words of the REST face and of the panel: types and names only. */

import type { Contents } from '@jupyterlab/services';

export const DRIVE = 'box';
export const DOMAIN = 'jupyter_box';
export const PANEL_ID = 'jupyter-box-browser';
export const PLUGIN_ID = 'jupyter-box:plugin';
export const FACTORY = 'BoxBrowser';
export const PAGE_SIZE = 1000;
/** What JupyterLab's file browsers call the paths of a drag. */
export const CONTENTS_MIME = 'application/x-jupyter-icontents';

export interface IUser {
  id: string;
  name: string;
  login: string;
}

export interface ISharedLink {
  url: string;
  access: string;
  effective_access: string;
  download_url: string;
  has_password: boolean;
  expires: string | null;
  can_download: boolean;
}

export interface ILock {
  owner: IUser | null;
  expires: string | null;
  prevents_download: boolean;
}

/** A file, folder or web link, as `Item.to_dict()` gives it. */
export interface IItem {
  id: string;
  type: 'file' | 'folder' | 'web_link';
  name: string;
  path: string;
  size: number | null;
  sha1: string | null;
  etag: string | null;
  version: string | null;
  created: string | null;
  modified: string | null;
  content_modified: string | null;
  description: string;
  owner: IUser | null;
  modified_by: IUser | null;
  shared_link: ISharedLink | null;
  lock: ILock | null;
  has_collaborations: boolean;
  trashed: string | null;
  favourite: boolean;
  /** What Box lets us do; null where Box does not tell. */
  permissions: string[] | null;
  web_url: string;
}

export interface IPage {
  items: IItem[];
  next_marker: string | null;
  total_count: number | null;
}

export interface IVersion {
  id: string;
  name: string;
  size: number | null;
  sha1: string | null;
  created: string | null;
  modified_by: IUser | null;
  current: boolean;
}

export interface ICollaboration {
  id: string;
  role: string;
  status: string;
  who: IUser | null;
  kind: 'user' | 'group';
  invited: string;
  expires: string | null;
}

export interface IStatus {
  connected: boolean;
  mode: string;
  account: { name: string; login: string } | null;
  root: IItem | null;
  code: string;
  message: string;
  hint: string;
}

/** What Box sorts by, and which way. */
export interface IOrder {
  sort: 'name' | 'date' | 'size';
  direction: 'asc' | 'desc';
}

export type OnConflict = 'version' | 'skip' | 'rename' | 'fail';

/** What an upload from a browser is to do; `mtime` in milliseconds since 1970. */
export interface IUploadWanted {
  path: string;
  size: number;
  mtime: number | null;
  on_conflict: OnConflict;
}

/** An upload from a browser, as the server, or Box itself, keeps it. */
export interface IUploadState {
  id: string;
  path: string;
  size: number;
  mtime?: number | null;
  on_conflict?: OnConflict;
  part_size: number;
  done: [number, number][];
  state: string;
  /** Whether all parts but the last must have `part_size` bytes. */
  exact?: boolean;
}

/** The code of an upload that nobody knows any more. */
export const LOST = 'upload_not_found';
/** The code of an upload of which what was sent before is not of the file. */
export const OTHER_FILE = 'other_file';

export type Phase =
  | 'started'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'interrupted'
  | 'done'
  | 'skipped'
  | 'failed'
  | 'cancelled';

/** Where one transfer stands, as the server's events tell; `where` it is done, and whether the server can do it again. */
export interface IProgress {
  id: string;
  kind: 'upload' | 'download' | 'sync';
  where: 'browser' | 'server' | 'kernel';
  can_retry: boolean;
  path: string;
  phase: Phase;
  done: number;
  total: number | null;
  files_done: number;
  files_total: number;
  rate: number;
  message: string;
  code: string;
}

/** A Contents model with the item of Box that it stands for. */
export interface IBoxModel extends Contents.IModel {
  box?: IItem;
}

/** A folder with where its listing goes on. */
export interface IBoxFolder extends IBoxModel {
  next_marker?: string | null;
  total_count?: number | null;
}

/** What has changed in Box: ids of folders and of items, paths of the folders where Box tells them. */
export interface IChanges {
  folders: string[];
  items: string[];
  paths: string[];
  everything: boolean;
}
