/** The people in the study: enrolment, assignment, withdrawal, and the roster that SQL and serving read. */
export { parseArms, readArms, type Arm } from './arms.ts';
export {
  balanceCovariate,
  participantsFlowPath,
  studyBalance,
  type CovariateBalance,
  type StudyBalance,
} from './balance.ts';
export { checkCommitment, seedCommitment, type Commitment } from './commitment.ts';
export {
  amend,
  brokenRecords,
  changedSinceFrozen,
  freeze,
  hashesBelow,
  listFrozen,
  type Change,
  type FrozenRecord,
} from './freeze.ts';
export {
  powerOf,
  readCalibration,
  simulateStudies,
  type Calibration,
  type Power,
  type Simulation,
} from './power.ts';
export type { RatioTest } from './statistics/tests.ts';
export { drawBlock, type BlockKey } from './assignment.ts';
export { parseCsv } from './csv.ts';
export { compliance, neverOpened, type ComplianceRow } from './compliance.ts';
export { parseConsentTime, type Consent } from './consent.ts';
export {
  enroll,
  enrollPerson,
  onlyStratum,
  type EnrollOptions,
  type EnrollSummary,
  type Admission,
  type Participant,
  type Person,
} from './enroll.ts';
export * from './erase/index.ts';
export { studyErrors } from './errors.ts';
export { noteFirstRequest } from './first-request.ts';
export { FetchError } from './identity/fetch.ts';
export { signingKeyOf, type SigningKey } from './identity/key.ts';
export { isAccountDid, maskDid } from './identity/names.ts';
export { resolveDid, resolveHandle, type ResolveOptions } from './identity/resolve.ts';
export { takeJob, type JobLease } from './jobs.ts';
export { createKey, findKey, listKeys, revokeKey, scopes, type ApiKey, type Scope } from './keys.ts';
export { openMembership, type Member, type Membership } from './membership.ts';
export { balance, findParticipant, listParticipants, type BalanceRow } from './participants.ts';
export { readPeople } from './people.ts';
export { pseudonymOf, publishPseudonyms, releaseKey, removePseudonyms } from './pseudonyms.ts';
export { publishRoster, refreshRoster, rosterPath } from './roster.ts';
export { migrationNames } from './store/migrations.ts';
export {
  connect,
  describePlace,
  isRemoteStore,
  openStudyStore,
  writeTo,
  type StudyStore,
} from './store/open.ts';
export { importWave, type WaveSummary } from './survey.ts';
export { createStudy, getStudy, openConfiguredStudy, useStudy, type Study } from './studies.ts';
export { armsOfWave, parseWaves, readArmsAt, type Wave } from './waves.ts';
export { withdraw, withdrawParticipant, type WithdrawOptions } from './withdraw.ts';
