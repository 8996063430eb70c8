/** A file's versions: who made them and when; open, compare, restore, delete. */

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { BoxAPI } from './api';
import { useAnswer } from './asking';
import { confirmed } from './confirming';
import { refusal } from './items';
import type { IItem, IVersion } from './tokens';
import { moment, size } from './words';

/** What needs more of JupyterLab than the inspector has. */
export interface IVersionActions {
  open: (item: IItem, version: IVersion) => Promise<void>;
  compare: (item: IItem, version: IVersion) => Promise<void>;
  restored: (item: IItem) => void;
}

interface IProps {
  api: BoxAPI;
  item: IItem;
  trans: TranslationBundle;
  actions: IVersionActions;
}

export function Versions({ api, item, trans, actions }: IProps): React.ReactElement {
  const path = `id:${item.id}`;
  const answer = useAnswer(
    async () => (item.type === 'file' ? await api.versions(path) : []),
    [item.id, item.version]
  );
  if (item.type !== 'file') {
    return <p className="jp-Box-hint">{trans.__('Only files have versions.')}</p>;
  }
  const restore = (version: IVersion) =>
    answer.act(async () => {
      await api.promote(path, version.id);
      actions.restored(item);
    });
  const remove = async (version: IVersion) => {
    const body = trans.__('The version of %1 moves to the trash of Box. The file itself stays.', moment(version.created));
    if (await confirmed(trans, trans.__('Delete this version'), body, trans.__('Delete version'))) {
      await answer.act(() => api.deleteVersion(path, version.id));
    }
  };
  const noDownload = refusal(item, 'download', trans);
  return (
    <>
      {answer.error && <p role="alert">{answer.error}</p>}
      {answer.isLoading && !answer.value && <p role="status">{trans.__('Loading…')}</p>}
      <ol className="jp-Box-versions" aria-label={trans.__('Versions, the newest first')}>
        {answer.value?.map(version => (
          <li key={version.id}>
            <About version={version} trans={trans} />
            <div className="jp-Box-actions">
              {action(trans.__('Open'), () => void answer.act(() => actions.open(item, version)), noDownload)}
              {!version.current && (
                <>
                  {action(trans.__('Compare'), () => void answer.act(() => actions.compare(item, version)), noDownload)}
                  {action(trans.__('Restore'), () => void restore(version), refusal(item, 'upload', trans))}
                  {action(trans.__('Delete'), () => void remove(version), refusal(item, 'delete', trans))}
                </>
              )}
            </div>
          </li>
        ))}
      </ol>
    </>
  );
}

function About({ version, trans }: { version: IVersion; trans: TranslationBundle }): React.ReactElement {
  return (
    <>
      <div>
        <strong>{moment(version.created)}</strong>
        {version.current && <em> {trans.__('current')}</em>}
      </div>
      <div>{[version.modified_by?.name, size(version.size)].filter(Boolean).join(' · ')}</div>
    </>
  );
}

function action(label: string, onClick: () => void, reason: string): React.ReactElement {
  return (
    <button type="button" className="jp-Box-textButton" onClick={onClick} disabled={!!reason} title={reason || undefined}>
      {label}
    </button>
  );
}
