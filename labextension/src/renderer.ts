/** A row as the stock renderer draws it, with what Box knows more: shared link, collaborators, lock, favourite. */

import { DirListing } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { linkIcon, lockIcon, usersIcon } from '@jupyterlab/ui-components';

import type { Favourites } from './favourites';
import { starIcon } from './icons';
import { itemOf } from './items';
import type { IItem } from './tokens';

interface IBadge {
  icon: LabIcon;
  label: string;
}

export class BoxRenderer extends DirListing.Renderer {
  constructor(
    private readonly _words: TranslationBundle,
    private readonly _favourites: Favourites
  ) {
    super();
  }

  override updateItemNode(node: HTMLElement, model: Contents.IModel, ...rest: any[]): void {
    super.updateItemNode(node, model, ...rest);
    const item = itemOf(model);
    const badges = badgesOf(item, this._favourites.has(item), this._words);
    const key = badges.map(badge => badge.label).join('\n');
    if (node.dataset.badges !== key) {
      node.dataset.badges = key;
      node.querySelector('.jp-Box-badges')?.remove();
      if (badges.length) {
        this.getNameNode(node)?.after(drawn(badges));
      }
    }
  }
}

/** Return what an item's row tells beside its name. */
function badgesOf(item: IItem | undefined, isFavourite: boolean, trans: TranslationBundle): IBadge[] {
  const badges: (IBadge | false | null | undefined)[] = item
    ? [
        isFavourite && { icon: starIcon, label: trans.__('Favourite') },
        item.shared_link && { icon: linkIcon, label: trans.__('Has a shared link') },
        item.has_collaborations && { icon: usersIcon, label: trans.__('Has collaborators') },
        item.lock && { icon: lockIcon, label: lockLabel(item, trans) }
      ]
    : [];
  return badges.filter((badge): badge is IBadge => !!badge);
}

function lockLabel(item: IItem, trans: TranslationBundle): string {
  const owner = item.lock?.owner?.name;
  return owner ? trans.__('Locked by %1', owner) : trans.__('Locked');
}

function drawn(badges: IBadge[]): HTMLElement {
  const node = document.createElement('span');
  node.className = 'jp-Box-badges';
  for (const { icon, label } of badges) {
    const badge = icon.element({ tag: 'span', title: label, className: 'jp-Box-badge' });
    badge.setAttribute('role', 'img');
    badge.setAttribute('aria-label', label);
    node.append(badge);
  }
  return node;
}
