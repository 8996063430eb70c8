/** What a browser has and jsdom has not, as far as JupyterLab's packages ask for it when they load. */

class Missing extends MouseEvent {}
const rectangle = class {};
Object.assign(globalThis, { DragEvent: Missing, DOMRect: rectangle });
globalThis.matchMedia ??= (() => ({ matches: false, addEventListener: () => undefined })) as any;
Blob.prototype.arrayBuffer ??= function (this: Blob): Promise<ArrayBuffer> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.onerror = () => reject(reader.error);
    reader.readAsArrayBuffer(this);
  });
};
