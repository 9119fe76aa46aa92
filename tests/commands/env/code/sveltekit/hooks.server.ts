import { env as secrets } from '$env/dynamic/private';
export { SHARED } from '$env/static/public'; //: SHARED
export const handle = () => load({ ...secrets, key: secrets.HANDLE_KEY ?? '' }); //: whole HANDLE_KEY?
