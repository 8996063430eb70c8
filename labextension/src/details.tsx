/** Shows what Box knows of an item. */

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IItem } from './tokens';
import { moment, size } from './words';

export function Details(props: { item: IItem; trans: TranslationBundle }): React.ReactElement {
  const rows = factsOf(props.item, props.trans).filter(([, value]) => value);
  return (
    <dl className="jp-Box-details">
      {rows.map(([name, value]) => (
        <React.Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </React.Fragment>
      ))}
    </dl>
  );
}

/** Return the names and values, in the order in which people look for them. */
function factsOf(item: IItem, trans: TranslationBundle): [string, React.ReactNode][] {
  const kinds = { file: trans.__('File'), folder: trans.__('Folder'), web_link: trans.__('Web link') };
  return [
    [trans.__('Kind'), kinds[item.type]],
    [trans.__('Path'), item.path],
    [trans.__('Size'), item.size !== null && sizeInFull(item.size)],
    [trans.__('Modified'), moment(item.modified)],
    [trans.__('Modified by'), item.modified_by?.name],
    [trans.__('Created'), moment(item.created)],
    [trans.__('Owner'), item.owner && `${item.owner.name} ${item.owner.login && `(${item.owner.login})`}`],
    [trans.__('Description'), item.description],
    [trans.__('Shared link'), item.shared_link?.url],
    [trans.__('Locked by'), item.lock && (item.lock.owner?.name ?? trans.__('somebody'))],
    [trans.__('Locked until'), moment(item.lock?.expires)],
    [trans.__('SHA-1'), item.sha1 && <code>{item.sha1}</code>],
    [trans.__('Id'), <code key="id">{item.id}</code>],
    [trans.__('You may'), item.permissions && mayDo(item.permissions, trans)],
    [
      trans.__('In Box'),
      <a key="link" href={item.web_url} target="_blank" rel="noopener noreferrer">
        {trans.__('Open in Box')}
      </a>
    ]
  ];
}

function sizeInFull(bytes: number): string {
  return bytes < 1000 ? size(bytes) : `${size(bytes)} (${bytes.toLocaleString()} B)`;
}

/** Return in words what Box's permissions allow; one that is new in Box, in Box's own. */
export function mayDo(permissions: string[], trans: TranslationBundle): string {
  const words: Record<string, string> = {
    can_preview: trans.__('preview'),
    can_download: trans.__('download'),
    can_upload: trans.__('upload'),
    can_edit: trans.__('edit'),
    can_rename: trans.__('rename and move'),
    can_delete: trans.__('delete'),
    can_share: trans.__('share'),
    can_set_share_access: trans.__('choose who may use the link'),
    can_invite_collaborator: trans.__('invite'),
    can_comment: trans.__('comment'),
    can_annotate: trans.__('annotate'),
    can_view_annotations_all: trans.__('see annotations'),
    can_view_annotations_self: trans.__('see own annotations'),
    can_apply_watermark: trans.__('apply a watermark')
  };
  const known = Object.keys(words).filter(each => permissions.includes(each));
  const others = permissions.filter(each => !(each in words));
  return [...known.map(each => words[each]), ...others].join(', ') || trans.__('only see that it is there');
}
