export const literal = (process.env.T_LITERAL as 'plain' | 'scram') || 'plain'; //: T_LITERAL?
export const keys = (process.env.T_KEYOF as keyof typeof levels) || 'info'; //: T_KEYOF?
export const indexed = (process.env.T_INDEXED as Config['mode']) ?? 'x'; //: T_INDEXED?
export const template = (process.env.T_TEMPLATE as `v${number}`) || 'v1'; //: T_TEMPLATE?
export const object = (process.env.T_OBJECT as { a: string }) || { a: '' }; //: T_OBJECT?
export const call = (process.env.T_FUNCTION as () => void) || noop; //: T_FUNCTION?
export const angle = (<string>process.env.T_ANGLE) || 'x'; //: T_ANGLE?
export const lines = (process.env.T_LINES as
  | 'a'
  | 'b') || 'a'; //: T_LINES?@-2
export const either = process.env.T_FIRST || process.env.T_SECOND || 'x'; //: T_FIRST? T_SECOND?
export const required = process.env.T_REQUIRED as 'a' | 'b'; //: T_REQUIRED
function one() { const env = process.env; return env.T_ONE } //: T_ONE
function two() { const env = process.env; return env.T_TWO } //: T_TWO
function three(env) { return env.NOT_READ }
