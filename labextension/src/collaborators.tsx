/** Who is invited to an item, and in which role. */

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { useAnswer } from './asking';
import { allows } from './items';
import type { ISharingProps } from './sharedlink';
import type { ICollaboration } from './tokens';

const ROLES = [
  'editor',
  'viewer',
  'previewer',
  'uploader',
  'previewer uploader',
  'viewer uploader',
  'co-owner'
];

export function Collaborators({ api, item, trans, changed }: ISharingProps): React.ReactElement {
  const path = `id:${item.id}`;
  const people = useAnswer(() => api.collaborations(path), [item.id]);
  const act = async (work: () => Promise<unknown>) => {
    const went = await people.act(work);
    changed();
    return went;
  };
  return (
    <section aria-labelledby="jp-Box-people-title">
      <h3 id="jp-Box-people-title">{trans.__('Collaborators')}</h3>
      {people.error && <p role="alert">{people.error}</p>}
      {people.value?.length === 0 && <p>{trans.__('Nobody is invited to this very item.')}</p>}
      <ul className="jp-Box-people">
        {people.value?.map(each => (
          <Collaborator
            key={each.id}
            person={each}
            trans={trans}
            isFixed={!allows(item, 'invite')}
            change={role => void act(() => api.setRole(path, each.id, role))}
            remove={() => void act(() => api.uninvite(path, each.id))}
          />
        ))}
      </ul>
      {allows(item, 'invite') ? (
        <InviteForm trans={trans} invite={(who, role, group) => act(() => api.invite(path, who, role, group))} />
      ) : (
        <p className="jp-Box-hint">{trans.__('Your role in Box does not allow you to invite.')}</p>
      )}
    </section>
  );
}

function Collaborator(props: {
  person: ICollaboration;
  trans: TranslationBundle;
  isFixed: boolean;
  change: (role: string) => void;
  remove: () => void;
}): React.ReactElement {
  const { person, trans, isFixed, change, remove } = props;
  const name = person.who?.name || person.who?.login || person.invited;
  const roles = ROLES.includes(person.role) ? ROLES : [person.role, ...ROLES];
  return (
    <li>
      <span>
        {name}
        {person.kind === 'group' && ` (${trans.__('group')})`}
        {person.status === 'pending' && <em> {trans.__('(has not accepted yet)')}</em>}
      </span>
      <select
        aria-label={trans.__('Role of %1', name)}
        value={person.role}
        disabled={isFixed}
        onChange={event => change(event.target.value)}
      >
        {roleOptions(roles, trans)}
      </select>
      <button
        type="button"
        className="jp-Box-textButton"
        aria-label={trans.__('Remove %1', name)}
        title={isFixed ? trans.__('Your role in Box does not allow you to change this.') : undefined}
        disabled={isFixed}
        onClick={remove}
      >
        {trans.__('Remove')}
      </button>
    </li>
  );
}

function InviteForm(props: {
  trans: TranslationBundle;
  invite: (who: string, role: string, group: boolean) => Promise<boolean>;
}): React.ReactElement {
  const { trans, invite } = props;
  const submit = async (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    if (await invite(String(form.get('who')).trim(), String(form.get('role')), form.get('group') !== null)) {
      element.reset();
    }
  };
  return (
    <form className="jp-Box-form" onSubmit={event => void submit(event)}>
      <label>
        {trans.__('Invite (e-mail, or a group’s name)')}
        <input name="who" required />
      </label>
      <label>
        {trans.__('Role')}
        <select name="role" defaultValue="viewer">
          {roleOptions(ROLES, trans)}
        </select>
      </label>
      <label className="jp-Box-check">
        <input name="group" type="checkbox" />
        {trans.__('This is a group')}
      </label>
      <button type="submit" className="jp-mod-styled jp-mod-accept">
        {trans.__('Invite')}
      </button>
    </form>
  );
}

function roleOptions(roles: string[], trans: TranslationBundle): React.ReactElement[] {
  return roles.map(role => (
    <option key={role} value={role}>
      {roleNames(trans)[role] ?? role}
    </option>
  ));
}

function roleNames(trans: TranslationBundle): Record<string, string> {
  return {
    editor: trans.__('editor'),
    viewer: trans.__('viewer'),
    previewer: trans.__('previewer'),
    uploader: trans.__('uploader'),
    'previewer uploader': trans.__('previewer uploader'),
    'viewer uploader': trans.__('viewer uploader'),
    'co-owner': trans.__('co-owner'),
    owner: trans.__('owner')
  };
}
