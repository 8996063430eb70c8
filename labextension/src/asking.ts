/** Asks the server from within a component: the answer, or the sentence that says why there is none. */

import * as React from 'react';

import { wording } from './words';

export interface IAnswer<T> {
  value: T | null;
  error: string;
  isLoading: boolean;
  ask: () => void;
  /** Do something that changes the answer, then ask again; tells whether it went well. */
  act: (work: () => Promise<unknown>) => Promise<boolean>;
  /** Do something of which one knows how it changes the answer: as the function does that it gives. */
  revise: (work: () => Promise<(value: NonNullable<T>) => NonNullable<T>>) => Promise<boolean>;
}

/** Return what `question` answers, asked anew when `of` changes. */
export function useAnswer<T>(question: () => Promise<T>, of: readonly unknown[]): IAnswer<T> {
  const [state, setState] = React.useState<{ value: T | null; error: string }>({ value: null, error: '' });
  const [isLoading, setLoading] = React.useState(true);
  const latest = React.useRef(0);
  const ask = React.useCallback(() => {
    const turn = ++latest.current;
    setLoading(true);
    question()
      .then(value => turn === latest.current && setState({ value, error: '' }))
      .catch(error => turn === latest.current && setState({ value: null, error: wording(error) }))
      .finally(() => turn === latest.current && setLoading(false));
  }, of);
  React.useEffect(() => {
    ask();
    return () => {
      latest.current++;
    };
  }, [ask]);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      return true;
    } catch (error) {
      setState(before => ({ ...before, error: wording(error) }));
      return false;
    }
  };
  const act: IAnswer<T>['act'] = work =>
    attempt(async () => {
      await work();
      ask();
    });
  const revise: IAnswer<T>['revise'] = work =>
    attempt(async () => {
      const turn = latest.current;
      setLoading(true);
      const change = await work().finally(() => turn === latest.current && setLoading(false));
      if (turn === latest.current) {
        setState(({ value }) => ({ value: value && change(value), error: '' }));
      }
    });
  return { ...state, isLoading, ask, act, revise };
}
