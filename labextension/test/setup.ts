/** What a browser has and jsdom has not, as far as JupyterLab's packages ask for it when they load. */

class Missing extends MouseEvent {}
const rectangle = class {};
Object.assign(globalThis, { DragEvent: Missing, DOMRect: rectangle });
globalThis.matchMedia ??= (() => ({ matches: false, addEventListener: () => undefined })) as any;
