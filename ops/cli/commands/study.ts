import type { Person } from '../../../study/index.ts';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';
import { registerErasure } from './study/erase.ts';
import { registerKeys } from './study/keys.ts';
import { registerSurvey } from './study/survey.ts';
import { registerTrial } from './study/trial.ts';
import { isoTime, loadStudy, withStore } from './study/with-store.ts';

interface EnrollFlags {
  did: string[];
  handle: string[];
  file?: string;
  stratum?: string;
  panelId?: string;
  consentVersion?: string;
  consentedAt?: string;
  pending?: boolean;
  study?: string;
  resolver?: string;
}

const collect = (value: string, all: string[]): string[] => [...all, value];
export const register: Register = (program, run) => {
  const study = program.command('study').description('the people in the study: enrolment, arms, withdrawal');

  study
    .command('create')
    .description('create a study; the configured one (FEEDTRIAL_STUDY) comes into being by itself')
    .argument('<name>', 'lower-case letters, digits and hyphens')
    .option('--seed <seed>', 'seed of the randomisation (default: random; keep it to yourself)')
    .action((name: string, flags: { seed?: string }) =>
      run(async ({ config, say, result }) => {
        const created = await withStore(config, (part, store) =>
          part.createStudy(store, { study: name, ...(flags.seed === undefined ? {} : { seed: flags.seed }) }),
        );
        const commitment = (await loadStudy()).seedCommitment(created.study, created.seed);
        say(`study ${created.study} is there; publish the commitment of its seed: ${commitment}`);
        result({ study: created.study, created_us: created.created_us, seed_commitment: commitment });
        return EXIT.done;
      }),
    );

  study
    .command('enroll')
    .description('enrol accounts and assign each to an arm; repeating it changes nothing')
    .option('--did <did>', 'account by its DID; may be given several times', collect, [])
    .option('--handle <handle>', 'account by its handle; may be given several times', collect, [])
    .option(
      '--file <csv>',
      "CSV file with a column 'did' or 'handle', and 'stratum', 'panel_id', 'consent_version' and 'consented_at' where there are such",
    )
    .option('--stratum <name>', 'stratum of those that name none')
    .option('--panel-id <id>', 'what the survey panel calls the account; for one account')
    .option('--consent-version <version>', 'version of the text that they agreed to')
    .option('--consented-at <time>', 'when they agreed, ISO 8601 (default: now)')
    .option('--pending', 'enrolled only once the account asks for the feed, which shows that it is theirs')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .option('--resolver <url>', "service that resolves handles (default: Bluesky's public AppView)")
    .action((flags: EnrollFlags) =>
      run(async ({ config, say, result }) =>
        withStore(config, async ({ enroll, maskDid, parseConsentTime, readPeople, studyErrors }, store) => {
          const people: Person[] = [
            ...flags.did.map((did) => ({ did })),
            ...flags.handle.map((handle) => ({ handle })),
            ...(flags.file === undefined ? [] : await readPeople(flags.file)),
          ].map((person: Person) => ({
            ...person,
            stratum: person.stratum ?? flags.stratum,
            panelId: person.panelId ?? flags.panelId,
            consent:
              person.consent ??
              (flags.consentVersion === undefined
                ? undefined
                : {
                    version: flags.consentVersion,
                    givenUs:
                      flags.consentedAt === undefined
                        ? Date.now() * 1000
                        : parseConsentTime(flags.consentedAt),
                  }),
          }));
          if (flags.panelId !== undefined && people.length > 1)
            throw studyErrors.badPanelId(`${flags.panelId} (of ${people.length} accounts)`);
          if (flags.consentedAt !== undefined && flags.consentVersion === undefined)
            throw studyErrors.badConsent('--consented-at without --consent-version');
          const summary = await enroll(store, {
            people,
            pending: flags.pending ?? false,
            ...(flags.study === undefined ? {} : { study: flags.study }),
            ...(flags.resolver === undefined ? {} : { resolverUrl: flags.resolver }),
          });
          const [only] = summary.failed;
          if (people.length === 1 && only) throw only.error;
          for (const person of summary.enrolled)
            say(`enrolled  ${person.participant_id}  ${maskDid(person.did)}  ${person.arm}`);
          for (const person of summary.already)
            say(`already   ${person.participant_id}  ${maskDid(person.did)}  ${person.arm}`);
          for (const { person, message } of summary.failed)
            process.stderr.write(
              `failed    ${person.did === undefined ? (person.handle ?? '') : maskDid(person.did)}  ${message}\n`,
            );
          say(
            `${summary.enrolled.length} enrolled, ${summary.already.length} already in study '${summary.study}', ${summary.failed.length} failed`,
          );
          const shown = (list: typeof summary.enrolled) =>
            list.map(({ participant_id, arm, stratum }) => ({ participant_id, arm, stratum }));
          result({
            study: summary.study,
            enrolled: shown(summary.enrolled),
            already: shown(summary.already),
            failed: summary.failed.map(({ code, message }) => ({ code, message })),
          });
          if (summary.failed.length === 0) return EXIT.done;
          return summary.failed.length === people.length ? EXIT.failed : EXIT.partial;
        }),
      ),
    );

  study
    .command('withdraw')
    .description('take someone out: the default feed from their next request')
    .argument('[who]', 'DID, participant id or panel id')
    .option('--did <did>', 'the same, by name')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((given: string | undefined, flags: { did?: string; study?: string }) =>
      run(async ({ config, say, result }) => {
        const who = given ?? flags.did;
        const { participant, isNew } = await withStore(config, (part, store) => {
          if (who === undefined) throw part.studyErrors.nobody();
          return part.withdraw(store, { who, ...(flags.study === undefined ? {} : { study: flags.study }) });
        });
        const { participant_id, withdrawn_us } = participant;
        say(
          `${participant_id} ${isNew ? 'has withdrawn' : `had withdrawn at ${isoTime(withdrawn_us ?? 0)}`}: the default feed from the next request`,
        );
        result({ participant_id, withdrawn_us, changed: isNew });
        return EXIT.done;
      }),
    );

  study
    .command('list')
    .description('who is in the study, accounts masked')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        const { listParticipants, maskDid } = await loadStudy();
        const people = await withStore(config, (_part, store) => listParticipants(store, flags.study));
        for (const p of people)
          say(
            `${p.participant_id}  ${maskDid(p.did)}  ${p.status.padEnd(9)}  ${p.arm.padEnd(22)}  ${p.stratum}  ${isoTime(p.enrolled_us)}`,
          );
        say(`${people.length} participants`);
        result(people.map(({ handle: _handle, ...p }) => ({ ...p, did: maskDid(p.did) })));
        return EXIT.done;
      }),
    );

  registerTrial(study, run);
  registerErasure(study, run);
  registerKeys(study, run);
  registerSurvey(study, run);
};
