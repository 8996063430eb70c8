/** What has changed in a notebook, cell by cell with its outputs, as nbdime draws it; loaded only where the server has nbdime. */

import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ITranslator } from '@jupyterlab/translation';
import { Panel } from '@lumino/widgets';
import type { IDiffEntry } from 'nbdime/lib/diff/diffentries';
import { NotebookDiffModel } from 'nbdime/lib/diff/model';
import { NotebookDiffWidget } from 'nbdime/lib/diff/widget';
import 'nbdime/lib/common/collapsible.css';
import 'nbdime/lib/styles/common.css';
import 'nbdime/lib/styles/diff.css';
import 'nbdime/lib/styles/variables.css';
import 'nbdime/lib/upstreaming/flexpanel.css';

import { DOMAIN } from './tokens';

/** A version of a notebook, and what leads from it to the current one. */
export interface INotebookDiff {
  base: INotebookContent;
  diff: IDiffEntry[];
}

/** What of JupyterLab draws cells. */
export interface IRenderers {
  rendermime: IRenderMimeRegistry;
  editors: IEditorServices;
  translator: ITranslator;
}

/** The cells; those that are equal are hidden until `showAll`. */
export class NotebookDiff extends Panel {
  constructor({ base, diff }: INotebookDiff, { rendermime, editors, translator }: IRenderers) {
    super();
    const trans = translator.load(DOMAIN);
    this.addClass('nbdime-root');
    const cells = new NotebookDiffWidget({
      model: new NotebookDiffModel(base, diff),
      rendermime,
      translator,
      editorFactory: editors.factoryService.newInlineEditor.bind(editors.factoryService)
    });
    this.addWidget(cells);
    this.showAll(false);
    void cells.init().then(() => {
      // nbdime leaves them without names for a screen reader
      label(this.node, '.cm-content', trans.__('A cell, or an output'));
      label(this.node, 'button.jp-CollapsiblePanel-header-icon', trans.__('Show or hide'));
    });
  }

  showAll(all: boolean): void {
    this.toggleClass('jp-mod-hideUnchanged', !all);
  }
}

function label(node: HTMLElement, selector: string, text: string): void {
  node.querySelectorAll(selector).forEach(each => each.setAttribute('aria-label', text));
}
