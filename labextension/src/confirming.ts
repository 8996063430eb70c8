/** Asks before what cannot be undone, or not easily. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

/** Return whether the reader agrees; the button that does it is named as the dialog, unless `accept` names it. */
export async function confirmed(trans: TranslationBundle, title: string, body: string, accept = title): Promise<boolean> {
  const buttons = [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: accept })];
  return (await showDialog({ title, body, buttons, defaultButton: 0 })).button.accept;
}
