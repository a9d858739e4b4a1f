/** The people in the study: enrolment, assignment, withdrawal, and the roster that SQL and serving read. */
export { parseArms, readArms, type Arm } from './arms.ts';
export { drawBlock, type BlockKey } from './assignment.ts';
export { parseCsv } from './csv.ts';
export {
  enroll,
  onlyStratum,
  type EnrollOptions,
  type EnrollSummary,
  type Participant,
  type Person,
} from './enroll.ts';
export { studyErrors } from './errors.ts';
export { FetchError } from './identity/fetch.ts';
export { signingKeyOf, type SigningKey } from './identity/key.ts';
export { isAccountDid, maskDid } from './identity/names.ts';
export { resolveDid, resolveHandle, type ResolveOptions } from './identity/resolve.ts';
export { openMembership, type Member, type Membership } from './membership.ts';
export { balance, listParticipants, type BalanceRow } from './participants.ts';
export { readPeople } from './people.ts';
export { publishRoster, refreshRoster, rosterPath } from './roster.ts';
export { openStudyStore, type StudyStore } from './store/open.ts';
export { createStudy, getStudy, openConfiguredStudy, useStudy, type Study } from './studies.ts';
export { withdraw, type WithdrawOptions } from './withdraw.ts';
