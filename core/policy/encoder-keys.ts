/** The keys that a list of encoder parameters may set. */
export interface EncoderKeys {
  /** For messages. */
  readonly encoder: string
  readonly keys: ReadonlySet<string>
}

/**
 * Taken from the functions of each library that parse a key and a value, in versions for ffmpeg 4 to 9.
 * Excluded are keys that name files or devices, unless they also take words (`wordsOf` of params.ts), and
 * keys that contradict the size or format of the pictures that ffmpeg passes.
 */
const lists = {
  x264: {
    encoder: "x264",
    keys:
      "8x8dct alternative-transfer analyse annexb aq-mode aq-strength asm aud avcintra-class avcintra-flavor b-adapt b-bias b-pyramid bff " +
      "bframes bitrate bluray-compat cabac cabac-idc chroma-me chroma-qp-offset chromaloc cll colormatrix colorprim constrained-intra cqm " +
      "cplx-blur cplxblur cpu-independent cqm4 cqm4i cqm4ic cqm4iy cqm4p cqm4pc cqm4py cqm8 cqm8i cqm8p crf crf-max crop-rect dct-decimate " +
      "deadzone-inter deadzone-intra deblock deterministic direct direct-pred dpb-size fake-interlaced fast-pskip filler filter force-cfr " +
      "fps frame-packing frameref fullrange global-header interlaced intra-refresh ip-factor ipratio keyint keyint-min level level-idc " +
      "lookahead-threads mastering-display mbtree me me-range merange min-keyint mixed-refs mv-range mv-range-thread mvrange mvrange-thread " +
      "n-deterministic nal-hrd nf nr open-gop overscan partitions pass pb-factor pbratio pic-struct preset profile psnr psy psy-rd qblur " +
      "qcomp qp qp-constant qp-max qp-min qp-step qpmax qpmin qpstep ratetol rc-lookahead ref repeat-headers sar scenecut slice-max-mbs " +
      "slice-max-size slice-min-mbs sliced-threads slices slices-max slow-firstpass sps-id ssim stitchable subme subq sync-lookahead tff " +
      "threads transfer trellis tune vbv-bufsize vbv-init vbv-maxrate videoformat weight-b weightb weightp zones"
  },
  x265: {
    encoder: "x265",
    keys:
      "allow-non-conformance alpha amp analysis-load-reuse-level analysis-reuse-level analysis-reuse-mode analysis-save-reuse-level " +
      "analyze-src-pics annexb aq-bias-strength aq-mode aq-motion aq-strength asm atc-sei aud auto-aq b-adapt b-intra b-pyramid bframe-bias " +
      "bframes bitrate cbqpoffs chromaloc chunk-end chunk-start cip cll colormatrix colorprim const-vbv constrained-intra copy-pic cplxblur " +
      "cra-nal crf crf-max crf-min crop-rect crqpoffs csv-log-level ctu ctu-info cu-lossless cu-stats cutree deblock dhdr10-opt " +
      "display-window dup-threshold dynamic-rd dynamic-refine early-skip eob eos fades fast-intra field force-flush format fovea-delta " +
      "fovea-gaze fovea-sigma fps frame-dup frame-rc frame-threads frames gop-lookahead hash hdr hdr-opt hdr10 hdr10-opt hevc-aq high-tier " +
      "hist-scenecut hist-threshold hme hme-range hme-search hrd hrd-concat idr-recovery-sei info interlace intra-rd-refine intra-refresh " +
      "ip-factor ipratio keyint level level-idc lft limit-modes limit-refs limit-sao limit-tu log-file-level log-level log2-max-poc-lsb " +
      "lookahead-slices lookahead-threads lossless lowpass-dct masking-strength master-display max-ausize-factor max-cll max-luma max-merge " +
      "max-tu-size max-vbv-fullness mcstf mcstf-ref-range me merange min-cu-size min-keyint min-luma min-vbv-fullness " +
      "multi-pass-opt-analysis multi-pass-opt-distortion multi-pass-opt-rps no-tskip-fast nr-inter nr-intra num-views numa-pools open-gop " +
      "opt-cu-delta-qp opt-qp-pps opt-ref-list-length-pps overscan pass pb-factor pbratio pic-struct pme pmode pools preset profile psnr " +
      "psy-rd psy-rdoq qblur qcomp qg-size qp qp-adaptation-range qp-delta-nonref qp-delta-ref qpmax qpmin qpstep radl range rc-grain " +
      "rc-lookahead rd rd-refine rdoq rdoq-level rdpenalty rect ref refine-analysis-type refine-ctu-distortion refine-inter refine-intra " +
      "refine-mv repeat-headers rskip rskip-edge-threshold sao sao-non-deblock sar sbrc scale-factor scaling-list scc scenecut scenecut-aware-qp " +
      "scenecut-bias scenecut-window selective-mcstf selective-sao signhide single-sei slices slow-firstpass splitrd-skip ssim ssim-rd " +
      "strict-cbr strong-intra-smoothing subme temporal-layers temporal-mvp threaded-me tme-num-threads total-frames transfer tskip " +
      "tskip-fast tu-inter-depth tu-intra-depth tune uhd-bd vbv-bufsize vbv-end vbv-end-fr-adj vbv-init vbv-live-multi-pass vbv-maxrate " +
      "video-signal-type-preset videoformat vui-hrd-info vui-timing-info weightb weightp wpp zones"
  },
  svtav1: {
    encoder: "SVT-AV1",
    keys:
      "ac-bias adaptive-film-grain aq-mode asm avif bias-pct buf-initial-sz buf-optimal-sz buf-sz chroma-qindex-offsets chroma-qm-max " +
      "chroma-qm-min chroma-sample-position chroma-u-ac-qindex-offset chroma-u-dc-qindex-offset chroma-v-ac-qindex-offset " +
      "chroma-v-dc-qindex-offset color-primaries color-range content-light cqp crf enable-cdef enable-dg enable-dlf enable-force-key-frames " +
      "enable-hdr enable-intrabc enable-kf-tf enable-mfmv enable-overlays enable-qm enable-restoration enable-stat-report enable-tf " +
      "enable-tpl-la enable-variance-boost fast-decode film-grain film-grain-denoise forced-max-frame-height forced-max-frame-width " +
      "fps-denom fps-num frame-resz-denoms frame-resz-events frame-resz-kf-denoms gop-constraint-rc hbd-mds hierarchical-levels " +
      "intra-period irefresh-type key-frame-chroma-qindex-offset key-frame-qindex-offset keyint lambda-scale-factors level lookahead " +
      "lossless lp luma-y-dc-qindex-offset luminance-qp-bias mastering-display matrix-coefficients max-inter-bitrate-pct " +
      "max-intra-bitrate-pct max-qp max-tx-size maxsection-pct mbr mbr-overshoot-pct min-qp minsection-pct overshoot-pct pass pin " +
      "pred-struct preset profile q qindex-offsets qm-max qm-min qp qp-scale-compress-strength rc recode-loop resize-denom resize-kf-denom " +
      "resize-mode rmv rtc scd scm sframe-dist sframe-mode sframe-posi sframe-qp sframe-qp-offset sharpness ss startup-mg-size " +
      "startup-qp-offset superres-denom superres-kf-denom superres-kf-qthres superres-mode superres-qthres tbr tf-strength tier " +
      "tile-columns tile-rows transfer-characteristics tune undershoot-pct use-fixed-qindex-offsets variance-boost-curve " +
      "variance-boost-strength variance-octile"
  },
  aom: {
    encoder: "libaom",
    keys:
      "aq-mode arnr-maxframes arnr-strength auto-alt-ref auto-intra-tools-off auto-tiles cdf-update-mode chroma-sample-position " +
      "coeff-cost-upd-freq color-primaries cpu-used cq-level delta-lf-mode deltaq-mode deltaq-strength denoise-block-size " +
      "denoise-noise-level disable-trellis-quant dist-metric dv-cost-upd-freq enable-1to4-partitions enable-ab-partitions " +
      "enable-adaptive-sharpness enable-angle-delta enable-cdef enable-cfl-intra enable-chroma-deltaq enable-diagonal-intra " +
      "enable-diff-wtd-comp enable-directional-intra enable-dist-wtd-comp enable-dnl-denoising enable-dual-filter enable-filter-intra " +
      "enable-flip-idtx enable-global-motion enable-interinter-wedge enable-interintra-comp enable-interintra-wedge " +
      "enable-intra-edge-filter enable-intrabc enable-keyframe-filtering enable-low-complexity-decode enable-masked-comp enable-obmc " +
      "enable-onesided-comp enable-order-hint enable-overlay enable-paeth-intra enable-palette enable-qm enable-rate-guide-deltaq " +
      "enable-rect-partitions enable-rect-tx enable-ref-frame-mvs enable-restoration enable-smooth-interintra enable-smooth-intra " +
      "enable-tpl-model enable-tx64 enable-warped-motion error-resilient film-grain-test force-max-q force-video-mode fp-mt frame-boost " +
      "frame-parallel fwd-kf-dist gf-cbr-boost gf-max-pyr-height gf-min-pyr-height input-chroma-subsampling-x input-chroma-subsampling-y " +
      "kf-max-pyr-height loopfilter-control lossless matrix-coefficients max-gf-interval max-inter-rate max-intra-rate max-partition-size " +
      "max-reference-frames min-cr min-gf-interval min-partition-size mode-cost-upd-freq mtu-size mv-cost-upd-freq noise-sensitivity " +
      "num-tile-groups passes qm-max qm-min quant-b-adapt reduced-reference-set reduced-tx-type-set row-mt sb-qp-sweep sb-size " +
      "screen-detection-mode set-tier-mask sframe-mode sharpness static-thresh strict-level-conformance target-seq-level-idx tile-columns " +
      "tile-height tile-rows tile-width timing-info transfer-characteristics tune tune-content use-inter-dct-only use-intra-dct-only " +
      "use-intra-default-tx-only validate-hbd-input vbr-corpus-complexity-lap"
  },
  rav1e: {
    encoder: "rav1e",
    keys:
      "bitrate enable-timing-info key-frame-interval level low-latency min-key-frame-interval min-quantizer no-scene-detection quantizer " +
      "rdo-lookahead-frames reservoir-frame-delay speed still-picture switch-frame-interval threads tile-cols tile-rows tiles tune"
  },
  vvenc: {
    encoder: "VVenC",
    keys:
      "accessunitdelimiter addgop32refpics affine affinetype alf alfspeed alftemppred alfunitsize allowdisfracmmvd amaxbt amvr " +
      "aspectratioidc aspectratioinfopresent asr aud bcw bdof bdpcm bim bio bipredsearchrange bitrate cabacinitpresent " +
      "cabaczerowordpaddingenabled cbcrqpoffset cbcrqpoffsetdualtree cbqpoffset cbqpoffsetdualtree ccalf chromaformatidc " +
      "chromalocinfopresent chromasampleloctype chromats ciip clipforbipredmeenabled clipinputvideotorec709range " +
      "clipoutputvideotorec709range colourdescriptionpresent colourprimaries conformancewindowmode confwinbottom confwinleft confwinright " +
      "confwintop contentbasedfastqtbt costmode crqpoffset crqpoffsetdualtree ctusize deblocklasttlayers decodedpicturehash " +
      "decodingrefreshtype depquant disableintraininter disableloopfilteracrossslices disableloopfilteracrosstiles dmvr dph dualitree ecu " +
      "edo enabledecodingparameterset enablepicpartitioning encdbopt entrypointspresent explicitapsid fasthad fastinfermerge fastintratools " +
      "fastlocaldualtreemode fastmeassumingsmoothermvenabled fastmeforgenblowdelayenabled fastmip fastmrg fastqtbtenc fastsearch " +
      "fastsearchscc fastsubpel fastttsplit fastudiusempmenabled fdm fen fga firstpassmode forcescc format fpplinessynchro fps framerate " +
      "frames framescale frameskip framestobeencoded geo gopqpa gopsize hadamardme hdr horcollocatedchroma horizontalpadding hrd " +
      "hrdparameterspresent ibc ibcfastmethod idrrefparamlist ifp ifplines imv integeret internal-bitdepth internalbitdepth " +
      "intraconstraintflag intraestdecbit intraperiod intraqpoffset iqpfactor isp jointcbcr lambdafromqpenable lambdamodifier " +
      "lambdamodifieri lctufast leadframes level lfnst lmchroma log2maxtbsize log2mincodingblocksize lookahead loopfilterbetaoffset-div2 " +
      "loopfiltercbbetaoffset-div2 loopfiltercbtcoffset-div2 loopfiltercrbetaoffset-div2 loopfiltercrtcoffset-div2 loopfilterdisable " +
      "loopfilteroffsetinpps loopfiltertcoffset-div2 lumaleveltodeltaqpmode masteringdisplaycolourvolume matrixcoefficients " +
      "maxbitdepthconstraint maxbitrate maxbtchromaislice maxbtlumaislice maxbtnonislice maxcontentlightlevel maxcuchromaqpoffsetsubdiv " +
      "maxcudqpsubdiv maxdeltaqp maxmttdepth maxmttdepthi maxmttdepthislicec maxmttdepthislicel maxnumaffinemergecand " +
      "maxnumalfalternativeschroma maxnumgeocand maxnummergecand maxparallelframes maxpicheight maxpicsize maxpicwidth maxrate " +
      "maxttchromaislice maxttlumaislice maxttnonislice mctf mctfframe mctffuturereference mctfspeed mctfstrength mctfunitsize " +
      "minintradistance minqtchromaisliceinchromasamples minqtislice minqtlumaislice minqtnonislice minsearchwindow mip mmvd mmvddisnum mrl " +
      "msbextendedbitdepth msbextendedbitdepthc msebasedsequencepsnr mts mtsimplicit mtsintramaxcand numintramodesfullrd numparallelgops " +
      "numpasses numrefpics numrefpicsscc outputbitdepth outputbitdepthc overscanappropriate overscaninfopresent pass passes pbintrafast " +
      "perceptqpa perceptqpatempfiltipic picreordering poc0idr preferredtransfercharacteristics preset printframemse printhexpsnr " +
      "printsequencemse prof profile qp qpa qpinvalcb qpinvalcbcr qpinvalcr qpoutvalcb qpoutvalcbcr qpoutvalcr qtbttextrafast quantthrval " +
      "range rcinitialqp rdoq rdoqts reducefilterme reduceintrachromamodesfullrd refreshsec refreshtype rewriteparamsets rpr " +
      "samecqptablesforallchroma sao saochromaoffsetbitshift saoencodingrate saoencodingratechroma saolumaoffsetbitshift sar sarheight " +
      "sarwidth sbt sbtmvp sdr searchrange seibufferingperiod seidecodedpicturehash seidecodingunitinfo seipicturetiming selectiverdoq " +
      "signhideflag slicecbqpoffsetintraorperiodic slicechromaqpoffsetperiodicity slicecrqpoffsetintraorperiodic smvd sta " +
      "summaryverboseness targetbitrate threads tickspersec tickspersecond tier tilecolumnwidtharray tileparallelctuenc tilerowheightarray " +
      "tiles tmvpmode trailframes transfercharacteristics transformskip transformskiplog2maxsize treatassubpic " +
      "useidentitytablefornon420chroma usenonlinearalfchroma usenonlinearalfluma vercollocatedchroma verticalpadding videofullrange vui " +
      "vuiparameterspresent wavefrontsynchro wppbitequal"
  },
  kvazaar: {
    encoder: "Kvazaar",
    keys:
      "amp aud bipred bitrate chromaloc clip-neighbour colormatrix colorprim combine-intra-cus cpuid crypto cu-split-termination deblock " +
      "early-skip enable-logging erp-aqp fast-bipred fast-residual-cost fastrd-accuracy-check force-inter force-level full-intra-search gop " +
      "hash high-tier implicit-rdpcm info input-fps intra-bits intra-chroma-search intra-qp-offset intra-rdo-et key level lossless " +
      "max-merge me me-early-termination me-steps ml-pu-depth-intra mv-constraint mv-rdo open-gop overscan owf partial-coding period preset " +
      "psnr pu-depth-inter pu-depth-intra qp range rc-algorithm rd rdoq rdoq-skip ref sao sar scaling-list set-qp-in-cu signhide slices smp " +
      "source-scan-type subme threads tiles tiles-height-split tiles-width-split tmvp tr-depth-intra transfer transform-skip vaq " +
      "videoformat vps-period wpp zero-coeff-rdo"
  },
  vpx: {
    encoder: "libvpx",
    keys: "ts-number-layers ts-target-bitrate ts-rate-decimator ts-periodicity ts-layer-id ts-layering-mode"
  }
} satisfies Readonly<Record<string, { readonly encoder: string; readonly keys: string }>>

const keysOf = ({ encoder, keys }: { readonly encoder: string; readonly keys: string }): EncoderKeys => ({
  encoder,
  keys: new Set(keys.split(" "))
})

const x264 = keysOf(lists.x264)

/**
 * The allowed keys by the ffmpeg option that takes the list. The list of an option without an entry can't be
 * checked.
 */
export const encoderKeys: ReadonlyMap<string, EncoderKeys> = new Map([
  ["x264-params", x264],
  ["x264opts", x264],
  ["x265-params", keysOf(lists.x265)],
  ["svtav1-params", keysOf(lists.svtav1)],
  ["aom-params", keysOf(lists.aom)],
  ["rav1e-params", keysOf(lists.rav1e)],
  ["vvenc-params", keysOf(lists.vvenc)],
  ["kvazaar-params", keysOf(lists.kvazaar)],
  ["ts-parameters", keysOf(lists.vpx)]
])
