/** Bundles `lib/` for JupyterLab's module federation, as `jupyter-builder build` does, without a Python in between. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const { resolve } = createRequire(import.meta.url);
const builder = resolve('@jupyter/builder/lib/build-labextension.js');
const core = resolve('@jupyterlab/core-meta/core.package.json');
execFileSync(process.execPath, [builder, '--core-package-file', core, import.meta.dirname], { stdio: 'inherit' });
