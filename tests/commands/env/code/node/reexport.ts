export const runtime = process.env as Record<string, string>; //: whole
export const { env: vars } = process;
export default function load({ HOME_URL, HOME_KEY = "k" }: NodeJS.ProcessEnv = process.env) { //: HOME_URL HOME_KEY?
  return [runtime.RUNTIME_KEY, vars.VARS_KEY!, vars["VARS_OTHER"] ?? "x", HOME_URL, HOME_KEY]; //: RUNTIME_KEY VARS_KEY VARS_OTHER?
}
export const config = schema.parse(process.env); //: whole
let value: string;
({ LATE_KEY: value } = process.env); //: LATE_KEY
const less = a<b, more = process.env.LESS_THAN!; //: LESS_THAN
const generic = load<Array<string>>(process.env.GENERIC satisfies string | undefined ?? "x"); //: GENERIC?
label: for (const x of [1]) { if (x) { continue label } }
const object = { "process.env.QUOTED": 1, env: process.env.IN_OBJECT }; //: IN_OBJECT
const t = `a ${`b ${{ c: `${process.env.DEEP}` }.c}`} \${process.env.ESCAPED} \` process.env.STILL_TEXT`; //: DEEP
