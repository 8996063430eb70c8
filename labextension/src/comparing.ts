/** Shows two versions of a file side by side, with what differs marked; of a notebook by nbdime, or else its cells' sources. */

import { MergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Panel, Widget } from '@lumino/widgets';

import type { BoxAPI } from './api';
import { BoxError } from './api';
import { boxIcon } from './icons';
import { isNotebook } from './items';
import type { INotebookDiff, IRenderers } from './notebookdiff';
import type { IItem, IVersion } from './tokens';
import { moment } from './words';

const LARGEST = 5_000_000;

type Labels = [string, string];

/** Two texts. */
class TextDiff extends Widget {
  constructor(before: string, after: string, labels: Labels) {
    super();
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

/**
 * Return a main area widget that compares a version with the current one.
 *
 * @param api - What asks the server.
 * @param item - The file.
 * @param version - Its version.
 * @param trans - The words.
 * @param renderers - What draws a notebook's cells; null where JupyterLab has it not.
 * @throws Error when they are too large to be compared in a browser, BoxError when they cannot be read.
 */
export async function compared(
  api: BoxAPI,
  item: IItem,
  version: IVersion,
  trans: TranslationBundle,
  renderers: IRenderers | null
): Promise<MainAreaWidget> {
  if ((item.size ?? 0) > LARGEST || (version.size ?? 0) > LARGEST) {
    throw new Error(trans.__('%1 is too large to be compared here. Download both versions instead.', item.name));
  }
  const labels: Labels = [moment(version.created), trans.__('Current version')];
  const diff = renderers && isNotebook(item) ? await notebookDiff(api, item, version) : null;
  const content = new Panel();
  content.addClass('jp-Box-comparison');
  content.addWidget(new Widget({ node: header(labels) }));
  if (diff) {
    const { NotebookDiff } = await import('./notebookdiff');
    const cells = new NotebookDiff(diff, renderers!);
    content.addWidget(new Widget({ node: checkbox(trans.__('Show the cells that are equal, too'), all => cells.showAll(all)) }));
    content.addWidget(cells);
  } else {
    const [before, after] = await Promise.all([textOf(api, item, version.id), textOf(api, item)]);
    content.addWidget(new TextDiff(before, after, labels));
  }
  const widget = new MainAreaWidget({ content });
  widget.id = `jupyter-box-comparison-${item.id}-${version.id}-${Date.now()}`;
  widget.title.label = trans.__('%1: versions', item.name);
  widget.title.icon = boxIcon;
  return widget;
}

/** Return what nbdime tells of a notebook; null where the server has no nbdime. */
async function notebookDiff(api: BoxAPI, item: IItem, version: IVersion): Promise<INotebookDiff | null> {
  const wanted = { path: `id:${item.id}`, query: { version: version.id } };
  try {
    return await api.requestAPI<INotebookDiff>('GET', 'notebook-diffs', wanted);
  } catch (error) {
    if (error instanceof BoxError && ['no_nbdime', 'not_a_notebook'].includes(error.code)) {
      return null;
    }
    throw error;
  }
}

function header(labels: Labels): HTMLElement {
  const head = document.createElement('header');
  head.append(...labels.map(label => Object.assign(document.createElement('h3'), { textContent: label })));
  return head;
}

function checkbox(text: string, change: (isChecked: boolean) => void): HTMLElement {
  const box = Object.assign(document.createElement('input'), { type: 'checkbox' });
  box.onchange = () => change(box.checked);
  const label = document.createElement('label');
  label.append(box, text);
  return label;
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
  return isNotebook(item) ? notebookText(text) : text;
}
