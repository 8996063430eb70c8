/** An item's shared link, which is only made when asked for. */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';

import type { BoxAPI } from './api';
import type { IAnswer } from './asking';
import { useAnswer } from './asking';
import { allows } from './items';
import type { IItem, ISharedLink } from './tokens';
import { moment } from './words';

export interface ISharingProps {
  api: BoxAPI;
  item: IItem;
  trans: TranslationBundle;
  changed: () => void;
}

export function SharedLink({ api, item, trans, changed }: ISharingProps): React.ReactElement {
  const path = `id:${item.id}`;
  const link = useAnswer(() => api.sharedLink(path), [item.id]);
  const act = async (work: () => Promise<unknown>) => {
    await link.act(work);
    changed();
  };
  const forbidden = !allows(item, 'share');
  return (
    <section aria-labelledby="jp-Box-link-title">
      <h3 id="jp-Box-link-title">{trans.__('Shared link')}</h3>
      {link.error && <p role="alert">{link.error}</p>}
      {link.value && <LinkLine link={link.value} trans={trans} remove={() => void act(() => api.unshare(path))} />}
      {!link.value && !link.isLoading && <p>{trans.__('There is no shared link.')}</p>}
      {forbidden ? (
        <p className="jp-Box-hint">{trans.__('Your role in Box does not allow you to share this.')}</p>
      ) : (
        <LinkForm key={link.value?.url ?? ''} link={link} trans={trans} put={wanted => void act(() => api.share(path, wanted))} />
      )}
    </section>
  );
}

function LinkLine(props: { link: ISharedLink; trans: TranslationBundle; remove: () => void }): React.ReactElement {
  const { link, trans, remove } = props;
  const facts = [
    accessNames(trans)[link.effective_access || link.access],
    link.has_password && trans.__('with a password'),
    link.expires && trans.__('until %1', moment(link.expires)),
    !link.can_download && trans.__('without download')
  ];
  return (
    <div>
      <input
        readOnly
        aria-label={trans.__('Address of the shared link')}
        value={link.url}
        onFocus={event => event.target.select()}
      />
      <p>{facts.filter(Boolean).join(', ')}</p>
      <div className="jp-Box-actions">
        <button type="button" className="jp-Box-textButton" onClick={() => void navigator.clipboard.writeText(link.url)}>
          {trans.__('Copy link')}
        </button>
        <button type="button" className="jp-Box-textButton" onClick={remove}>
          {trans.__('Remove link')}
        </button>
      </div>
    </div>
  );
}

function LinkForm(props: {
  link: IAnswer<ISharedLink | null>;
  trans: TranslationBundle;
  put: (wanted: ILinkWanted) => void;
}): React.ReactElement {
  const { trans, put } = props;
  const link = props.link.value;
  const [access, setAccess] = React.useState(link?.access ?? 'collaborators');
  const submit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    put(linkWanted(new FormData(event.currentTarget)));
  };
  return (
    <form className="jp-Box-form" onSubmit={submit}>
      <AccessField access={access} choose={setAccess} trans={trans} />
      {access === 'open' && (
        <Field
          label={trans.__('Password')}
          remove={link?.has_password && trans.__('Remove the password')}
          name="password"
          type="password"
          autoComplete="new-password"
          placeholder={link?.has_password ? trans.__('as it is') : trans.__('none')}
        />
      )}
      <Field label={trans.__('Ends on')} remove={link?.expires && trans.__('Remove the end')} name="expires" type="date" />
      {access !== 'collaborators' && (
        <label className="jp-Box-check">
          <input name="can_download" type="checkbox" defaultChecked={link?.can_download ?? true} />
          {trans.__('May download')}
        </label>
      )}
      {(link?.has_password || link?.expires) && (
        <p className="jp-Box-hint">{trans.__('What is left empty stays as it is.')}</p>
      )}
      <button type="submit" className="jp-mod-styled jp-mod-accept">
        {link ? trans.__('Change link') : trans.__('Create link')}
      </button>
    </form>
  );
}

function AccessField(props: {
  access: string;
  choose: (access: string) => void;
  trans: TranslationBundle;
}): React.ReactElement {
  const { access, choose, trans } = props;
  return (
    <label>
      {trans.__('Who may use it')}
      <select name="access" value={access} onChange={event => choose(event.target.value)}>
        {Object.entries(accessNames(trans)).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A field; what the link has of it can be removed, then there is nothing to fill in. */
function Field(
  props: { label: string; remove?: string | false | null; name: string } & React.InputHTMLAttributes<HTMLInputElement>
): React.ReactElement {
  const { label, remove, name, ...input } = props;
  const [isRemoved, setRemoved] = React.useState(false);
  React.useEffect(() => setRemoved(false), [!remove]);
  return (
    <>
      <label>
        {label}
        <input {...input} name={name} disabled={isRemoved} />
      </label>
      {remove && (
        <label className="jp-Box-check">
          <input name={`no_${name}`} type="checkbox" checked={isRemoved} onChange={event => setRemoved(event.target.checked)} />
          {remove}
        </label>
      )}
    </>
  );
}

/** What a shared link is to be, for the server; null takes away, what is missing stays as it is. */
export interface ILinkWanted extends ReadonlyPartialJSONObject {
  access: string;
  can_download?: boolean;
  password?: string | null;
  expires?: string | null;
}

/** Return what the form asks of Box; what is left empty is left out. */
export function linkWanted(form: FormData): ILinkWanted {
  const [access, password, expires] = ['access', 'password', 'expires'].map(name => String(form.get(name) ?? ''));
  return {
    access,
    ...(access !== 'collaborators' && { can_download: form.has('can_download') }),
    ...(password && { password }),
    ...(expires && { expires: new Date(`${expires}T23:59:59`).toISOString() }),
    ...(form.has('no_password') && { password: null }),
    ...(form.has('no_expires') && { expires: null })
  };
}

function accessNames(trans: TranslationBundle): Record<string, string> {
  return {
    open: trans.__('Anyone with the link'),
    company: trans.__('People of the company'),
    collaborators: trans.__('Collaborators only')
  };
}
