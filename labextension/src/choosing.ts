/** Files and folders of the reader's own computer: chosen in a dialog, dropped, or pasted. */

export interface IChosen {
  /** Null stands for a folder in which there is nothing. */
  file: File | null;
  /** Where it goes below the target folder: `photos/2026/a.png`. */
  path: string;
}

/** Let the reader choose files, or a folder with all that is in it; an empty list when they choose none. */
export function choose(options: { folder?: boolean; multiple?: boolean } = {}): Promise<IChosen[]> {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = options.multiple ?? true;
  input.webkitdirectory = options.folder ?? false;
  input.className = 'jp-Box-chooser';
  input.hidden = true;
  document.body.append(input);
  const chosen = new Promise<IChosen[]>(resolve => {
    input.onchange = () =>
      resolve([...(input.files ?? [])].map(file => ({ file, path: file.webkitRelativePath || file.name })));
    input.addEventListener('cancel', () => resolve([]));
  });
  input.click();
  return chosen.finally(() => input.remove());
}

/** Return the files of a drop, and of the folders in it. */
export async function dropped(transfer: DataTransfer | null): Promise<IChosen[]> {
  // asked for at once: the list is empty after the event
  const entries = [...(transfer?.items ?? [])].map(item => item.webkitGetAsEntry()).filter(entry => !!entry);
  const files = [...(transfer?.files ?? [])].map(file => ({ file, path: file.name }));
  return entries.length ? (await Promise.all(entries.map(entry => walked(entry, '')))).flat() : files;
}

async function walked(entry: FileSystemEntry, parent: string): Promise<IChosen[]> {
  const path = parent ? `${parent}/${entry.name}` : entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, path }];
  }
  const inside = await entriesOf((entry as FileSystemDirectoryEntry).createReader());
  const found: IChosen[] = inside.length ? [] : [{ file: null, path }];
  for (const each of inside) {
    found.push(...(await walked(each, path)));
  }
  return found;
}

async function entriesOf(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = [];
  for (;;) {
    // browsers give at most a hundred at once
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) {
      return all;
    }
    all.push(...some);
  }
}
