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
export function factsOf(item: IItem, trans: TranslationBundle): [string, React.ReactNode][] {
  const kinds = { file: trans.__('File'), folder: trans.__('Folder'), web_link: trans.__('Web link') };
  return [
    [trans.__('Kind'), kinds[item.type]],
    [trans.__('Path'), item.path],
    [trans.__('Size'), item.size === null ? '' : `${size(item.size)} (${item.size.toLocaleString()} B)`],
    [trans.__('Modified'), moment(item.modified)],
    [trans.__('Modified by'), item.modified_by?.name],
    [trans.__('Created'), moment(item.created)],
    [trans.__('Owner'), item.owner && `${item.owner.name} ${item.owner.login && `(${item.owner.login})`}`],
    [trans.__('Description'), item.description],
    [trans.__('Locked by'), item.lock && (item.lock.owner?.name ?? trans.__('somebody'))],
    [trans.__('Locked until'), moment(item.lock?.expires)],
    [trans.__('SHA-1'), item.sha1 && <code>{item.sha1}</code>],
    [trans.__('Id'), <code key="id">{item.id}</code>],
    [trans.__('You may'), item.permissions.map(each => each.replace(/^can_/, '').replace(/_/g, ' ')).join(', ')],
    [
      trans.__('In Box'),
      <a key="link" href={item.web_url} target="_blank" rel="noopener noreferrer">
        {trans.__('Open in Box')}
      </a>
    ]
  ];
}
