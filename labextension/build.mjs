/** Bundles `lib/` for JupyterLab's module federation, as `jupyter-builder build` does, without a Python in between. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { resolve } = createRequire(import.meta.url);
const builder = resolve('@jupyter/builder/lib/build-labextension.js');
const core = resolve('@jupyterlab/core-meta/core.package.json');
execFileSync(process.execPath, [builder, '--core-package-file', core, import.meta.dirname], { stdio: 'inherit' });

// the licences that packages have but leave out of what they publish
const told = `${import.meta.dirname}/../jupyter_box/labextension/static/third-party-licenses.json`;
const licences = JSON.parse(readFileSync(told, 'utf8'));
for (const each of licences.packages) {
  const text = `${import.meta.dirname}/licenses/${each.name}.txt`;
  each.extractedText ||= existsSync(text) ? readFileSync(text, 'utf8') : '';
}
writeFileSync(told, JSON.stringify(licences, null, 2));
