/** Who else sees an item: its shared link and its collaborators. */

import * as React from 'react';

import { Collaborators } from './collaborators';
import type { ISharingProps } from './sharedlink';
import { SharedLink } from './sharedlink';

export function Sharing(props: ISharingProps): React.ReactElement {
  return (
    <>
      <SharedLink {...props} />
      <Collaborators {...props} />
    </>
  );
}
