# Tab completion of portcullis for bash; made by: portcullis completion bash
_portcullis()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local noun='' verb='' verbs='' options='--socket --json --help' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -s | --socket) ((i++)) ;;
        -*) ;;
        *) if [[ -z $noun ]]; then noun=$word; elif [[ -z $verb ]]; then verb=$word; fi ;;
        esac
    done
    if [[ $prev == -s || $prev == --socket ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
    fi
    case $noun in
        policy) verbs='check test diff show apply confirm rollback' ;;
        user) verbs='add list import show set-role revoke compromised restore sign-in sign-in-code remove-passkey acknowledgements' ;;
        device) verbs='add invite approve config assign list show revoke lost retire unlock except' ;;
        invite) verbs='list withdraw' ;;
        issuer) verbs='add list revoke' ;;
        admin) verbs='add list remove link sign-out' ;;
        attempts) verbs='list show export follow' ;;
        respond) verbs='show allow' ;;
        case) verbs='open list show note close' ;;
        audit) verbs='show verify export key checkpoint new-key forget' ;;
        receipt) verbs='verify save' ;;
    esac
    case "$noun${verbs:+ $verb}" in
        'setup') options+=' --yes --from --company --name --outside --office --network --port --endpoint --enrol --console --etc --state' ;;
        'import') options+=' --apply' ;;
        'explain') options+=' --device' ;;
        'policy show') options+=' --version' ;;
        'policy apply') options+=' --confirm --confirm-mass-removal' ;;
        'user add') options+=' --role --full-name --end' ;;
        'user list') options+=' --role --state --limit' ;;
        'user import') options+=' --apply' ;;
        'user revoke') options+=' --reason --receipt' ;;
        'user compromised') options+=' --reason --receipt' ;;
        'device add') options+=' --user --address --key --own --ueid --issuer-key' ;;
        'device invite') options+=' --device --own --valid' ;;
        'device assign') options+=' --issuer-key' ;;
        'device list') options+=' --user --state --limit' ;;
        'device revoke') options+=' --reason --receipt' ;;
        'device lost') options+=' --reason --receipt' ;;
        'device retire') options+=' --reason --yes' ;;
        'device unlock') options+=' --reason' ;;
        'device except') options+=' --until --reason' ;;
        'invite list') options+=' --user --state --limit' ;;
        'issuer add') options+=' --iss --kind --alg --key --assurance --not-before --not-after --life-max --nonce' ;;
        'admin add') options+=' --role' ;;
        'attempts list') options+=' --user --device --role --kind --reason --ecs --since --until --limit' ;;
        'attempts show') options+=' --ecs' ;;
        'attempts follow') options+=' --user --device --role --kind --reason --ecs' ;;
        'respond allow') options+=' --reason' ;;
        'case open') options+=' --user --attempts --note' ;;
        'case list') options+=' --user --state --limit' ;;
        'case note') options+=' --attempts' ;;
        'case close') options+=' --finding --outcome' ;;
        'audit show') options+=' --user --object --act --actor --since --until --last --after --limit' ;;
        'audit verify') options+=' --key' ;;
        'audit export') options+=' --user --object --act --actor --from --to --log' ;;
        'audit key') options+=' --log' ;;
        'audit checkpoint') options+=' --log' ;;
        'receipt verify') options+=' --key' ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif [[ -z $noun ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'setup import status watch explain who policy user device invite issuer admin attempts respond case audit receipt completion help version' -- "$cur")
    elif [[ -n $verbs && -z $verb ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
    elif [[ $noun =~ ^(policy|audit|receipt)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $noun == completion ]]; then
        mapfile -t COMPREPLY < <(compgen -W bash -- "$cur")
    fi
}
complete -o filenames -F _portcullis portcullis
