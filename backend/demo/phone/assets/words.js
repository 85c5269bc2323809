// The page's texts. Japanese first; English is written, not translated word by word.

import { state } from "./state.js";

const WORDS = {
  ja: {
    simulation: "シミュレーション",
    about: "架空の店のアプリです。送られるイベントと通知の流れは本物と同じです。",
    phone: "スマートフォン",
    reset: "端末を初期化",
    resetAsk: "アプリを入れ直し、新しい端末として始めます。よろしいですか？",
    admin: "管理画面",
    panel: "送信したイベント",
    panelHint: "操作するたびに、ここに並びます。数秒後には管理画面の会員ページに届きます。",
    panelEmpty: "まだ何も送っていません。アプリを開いてみましょう。",
    fromApp: "アプリから",
    fromShop: "店のサーバーから",
    waiting: "送信待ち",
    device: "この端末",
    who: "会員",
    anonymous: "未サインイン",
    addressOf: "通知先",
    consentShort: "配信の同意",
    permissionShort: "通知の許可",
    yes: "あり",
    no: "なし",
    copyJson: "内容",
    openApp: "アプリを開く",
    openHint: "タップして開く",
    home: "ホーム",
    coupons: "クーポン",
    card: "会員証",
    news: "お知らせ",
    toLock: "ホーム画面に戻る",
    now: "今",
    greeting: "{name} さん",
    greetingGuest: "ようこそ",
    guestHint: "サインインすると、クーポンとポイントが使えます。",
    signIn: "サインイン",
    signOut: "サインアウト",
    signInTitle: "どの会員で使いますか",
    signInHint: "パスワードはありません。店のサーバーが本人と証明したことにします。",
    signedIn: "サインインしました",
    signedOut: "サインアウトしました",
    heroTitle: "焼きたてを、いつもの店で。",
    heroText: "灯りのともる時間まで、お待ちしています。",
    menu: "メニュー",
    all: "すべて",
    checkIn: "来店チェックイン",
    checkInDo: "チェックインする",
    checkedIn: "{store}にチェックインしました",
    store: "店舗",
    points: "ポイント",
    pt: "pt",
    addToCart: "カートに入れる",
    quantity: "数量",
    less: "減らす",
    more: "増やす",
    inCart: "{count}点",
    toOrder: "注文へ進む",
    order: "ご注文",
    useCoupon: "クーポンを使う",
    noCoupon: "使わない",
    subtotal: "小計",
    discount: "クーポン値引き",
    total: "合計",
    pay: "{total} を支払う",
    paid: "お買い上げありがとうございます",
    remove: "{name}を取り除く",
    validUntil: "{date}まで",
    used: "利用済み",
    couponOpen: "{title}を見る",
    present: "お会計で提示する",
    presenting: "この画面をお店の人に見せてください",
    till: "レジの操作",
    tillHint: "実際には店員がレジで読み取ります。",
    redeem: "利用済みにする",
    redeemed: "クーポンを利用しました",
    couponsEmpty: "いま使えるクーポンはありません。",
    couponsGuest: "クーポンはサインインすると使えます。",
    memberNo: "会員番号",
    settings: "設定",
    consent: "お得な情報を通知で受け取る",
    consentHint: "キャンペーンやクーポンのご案内。いつでもやめられます。",
    consentGuest: "サインインすると選べます。",
    consentGiven: "通知でのご案内に同意しました",
    consentWithdrawn: "通知でのご案内をやめました",
    permission: "OSの通知許可",
    permissionHint: "端末の設定にあたります。切ると通知は表示されません。",
    newsEmpty: "お知らせはまだありません。届いた通知がここに残ります。",
    survey: "アンケート",
    surveyAsk: "このお店を親しい人に薦めたいと思いますか？",
    surveyLow: "まったく思わない",
    surveyHigh: "とても思う",
    surveyText: "よろしければ理由をお聞かせください",
    surveySend: "回答を送る",
    surveyDone: "ご回答ありがとうございました",
    surveyStart: "10秒アンケート",
    close: "閉じる",
    failed: "送れませんでした（{why}）。もう一度お試しください。",
    notLoaded: "店の準備ができるのを待っています",
    notLoadedHint: "joren demo がデータを読み込み終えると、自動で始まります。",
    dismiss: "通知を消す",
    events: "イベント",
  },
  en: {
    simulation: "Simulation",
    about: "An invented shop's app. The events it sends and the pushes it gets work as in a real one.",
    phone: "Phone",
    reset: "Start over",
    resetAsk: "Reinstall the app and begin as a new device?",
    admin: "Admin pages",
    panel: "Events sent",
    panelHint: "Everything you do shows up here, and a few seconds later on the member's page in the admin.",
    panelEmpty: "Nothing sent yet. Open the app to begin.",
    fromApp: "from the app",
    fromShop: "from the shop's server",
    waiting: "waiting",
    device: "This phone",
    who: "Member",
    anonymous: "Not signed in",
    addressOf: "Push address",
    consentShort: "Consent",
    permissionShort: "OS permission",
    yes: "Yes",
    no: "No",
    copyJson: "Content",
    openApp: "Open the app",
    openHint: "Tap to open",
    home: "Home",
    coupons: "Coupons",
    card: "Card",
    news: "News",
    toLock: "Back to the home screen",
    now: "now",
    greeting: "Hello, {name}",
    greetingGuest: "Welcome",
    guestHint: "Sign in to use coupons and points.",
    signIn: "Sign in",
    signOut: "Sign out",
    signInTitle: "Who is using this phone?",
    signInHint: "No password here: the shop's server simply vouches for you.",
    signedIn: "Signed in",
    signedOut: "Signed out",
    heroTitle: "Fresh from the oven, close to home.",
    heroText: "We keep the lights on for you.",
    menu: "Menu",
    all: "All",
    checkIn: "Check in",
    checkInDo: "Check in",
    checkedIn: "Checked in at {store}",
    store: "Store",
    points: "Points",
    pt: "pt",
    addToCart: "Add to order",
    quantity: "Quantity",
    less: "Less",
    more: "More",
    inCart: "{count} items",
    toOrder: "Review order",
    order: "Your order",
    useCoupon: "Use a coupon",
    noCoupon: "No coupon",
    subtotal: "Subtotal",
    discount: "Coupon",
    total: "Total",
    pay: "Pay {total}",
    paid: "Thank you for your purchase",
    remove: "Remove {name}",
    validUntil: "Until {date}",
    used: "Used",
    couponOpen: "See {title}",
    present: "Show at the till",
    presenting: "Please show this to our staff",
    till: "At the till",
    tillHint: "In a real shop, staff scan the code.",
    redeem: "Mark as used",
    redeemed: "Coupon used",
    couponsEmpty: "No coupons right now.",
    couponsGuest: "Sign in to use coupons.",
    memberNo: "Member no.",
    settings: "Settings",
    consent: "Offers by push",
    consentHint: "News and coupons. Change your mind at any time.",
    consentGuest: "Sign in to choose.",
    consentGiven: "You will get our offers by push",
    consentWithdrawn: "You will get no more offers by push",
    permission: "Notifications allowed by the OS",
    permissionHint: "Stands for the phone's own settings. Off: nothing is shown.",
    newsEmpty: "Nothing yet. Pushes you receive stay here.",
    survey: "Survey",
    surveyAsk: "How likely are you to recommend us to a friend?",
    surveyLow: "Not at all",
    surveyHigh: "Very likely",
    surveyText: "Tell us why, if you like",
    surveySend: "Send answer",
    surveyDone: "Thank you for your answer",
    surveyStart: "Quick survey",
    close: "Close",
    failed: "Not sent ({why}). Please try again.",
    notLoaded: "Waiting for the shop to open",
    notLoadedHint: "This page starts by itself once joren demo has loaded its data.",
    dismiss: "Dismiss",
    events: "Events",
  },
};

export const languages = { ja: "日本語", en: "English" };

export function language() {
  return state.language || (navigator.language.startsWith("ja") ? "ja" : "en");
}

export function t(key, values = {}) {
  const text = WORDS[language()][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// A text of the configuration: one string, or one a language.
export function said(text) {
  return typeof text === "string" ? text : text?.[language()] ?? "";
}

const locale = () => (language() === "ja" ? "ja-JP" : "en-GB");

export function money(amount, currency) {
  return new Intl.NumberFormat(locale(), { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(amount);
}

export function number(value) {
  return new Intl.NumberFormat(locale()).format(value);
}

export function clock(time, withSeconds = false) {
  const seconds = withSeconds ? { second: "2-digit" } : {};
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...seconds }).format(time);
}

export function day(time) {
  const weekday = language() === "ja" ? "short" : "long";
  return new Intl.DateTimeFormat(locale(), { month: "long", day: "numeric", weekday }).format(time);
}

export function shortDay(time) {
  return new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric" }).format(time);
}
