/** Shows two versions of a file side by side, with what differs marked; of a notebook, its cells' sources. */

import { MergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { BoxAPI } from './api';
import { boxIcon } from './icons';
import type { IItem, IVersion } from './tokens';
import { moment } from './words';

const LARGEST = 5_000_000;

export class Comparison extends Widget {
  constructor(before: string, after: string, labels: [string, string]) {
    super();
    this.addClass('jp-Box-comparison');
    const heads = labels.map(label => Object.assign(document.createElement('h3'), { textContent: label }));
    const head = document.createElement('header');
    head.append(...heads);
    this.node.append(head);
    const extensions = [lineNumbers(), EditorView.lineWrapping, EditorState.readOnly.of(true)];
    this._view = new MergeView({
      a: { doc: before, extensions: [...extensions, EditorView.contentAttributes.of({ 'aria-label': labels[0] })] },
      b: { doc: after, extensions: [...extensions, EditorView.contentAttributes.of({ 'aria-label': labels[1] })] },
      parent: this.node,
      collapseUnchanged: { margin: 3, minSize: 6 }
    });
  }

  override dispose(): void {
    this._view.destroy();
    super.dispose();
  }

  private _view: MergeView;
}

/** Return a main area widget that compares a version with the current one. */
export async function compared(
  api: BoxAPI,
  item: IItem,
  version: IVersion,
  trans: TranslationBundle
): Promise<MainAreaWidget<Comparison>> {
  if ((item.size ?? 0) > LARGEST || (version.size ?? 0) > LARGEST) {
    throw new Error(trans.__('%1 is too large to be compared here. Download both versions instead.', item.name));
  }
  const [before, after] = await Promise.all([textOf(api, item, version.id), textOf(api, item)]);
  const labels: [string, string] = [moment(version.created), trans.__('Current version')];
  const widget = new MainAreaWidget({ content: new Comparison(before, after, labels) });
  widget.id = `jupyter-box-comparison-${item.id}-${version.id}-${Date.now()}`;
  widget.title.label = trans.__('%1: versions', item.name);
  widget.title.icon = boxIcon;
  return widget;
}

/** Return a notebook's cells as text, without outputs, which differ at every run. */
export function notebookText(json: string): string {
  const cells: { cell_type: string; source: string | string[] }[] = JSON.parse(json).cells ?? [];
  return cells
    .map(({ cell_type, source }) => `# %% [${cell_type}]\n${Array.isArray(source) ? source.join('') : source}`)
    .join('\n\n');
}

async function textOf(api: BoxAPI, item: IItem, version?: string): Promise<string> {
  const response = await api.fetch('GET', 'files', { path: `id:${item.id}`, query: { version } });
  const text = await response.text();
  return item.name.toLowerCase().endsWith('.ipynb') ? notebookText(text) : text;
}
